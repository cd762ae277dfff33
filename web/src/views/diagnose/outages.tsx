// How much of the time the internet was there: one figure, a wall calendar, and what happened.
import { useState } from "preact/hooks";
import type { Answer } from "@/api/call";
import { useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { duration, moment, zone } from "@/ui/format";
import { Icon } from "@/ui/icon";
import { Blank, Button, Card, Pill, Trouble } from "@/ui/parts";
import { type Day, type Month, months, named, shade, share, standing } from "./model";

const W = s.diagnose.outages;
type Outage = Answer<"diagnostics.outages.list">["items"][number];
const TOPICS = ["diagnostics.*"];

export function Outages() {
  const days = useAnswer("diagnostics.availability.get", { days: 366 }, TOPICS);
  const list = useAnswer("diagnostics.outages.list", { limit: 100 }, TOPICS);
  const [day, setDay] = useState<string | null>(null);
  const items = (list.data?.items ?? []).filter((each) => day === null || dayOf(each.start) === day);
  const known = standing(days.data?.days ?? []);
  return (
    <>
      <section class={`card diagnose-hero ${list.data?.state ?? ""}`}>
        <div class="spread">
          <h1>{W.title}</h1>
          {list.data && <Pill state={list.data.state} />}
        </div>
        {!days.data && (days.error ? <Trouble error={days.error} retry={days.reload} /> : <Blank />)}
        {days.data &&
          (known.available === null ? (
            <p>{W.notWatched}</p>
          ) : (
            <div class="stack-s">
              <p class="soft">{W.available}</p>
              <p class="diagnose-number">{share(known.available)}</p>
              <p class="soft">{known.days === 1 ? W.spanOne : say(W.span, { days: known.days })}</p>
            </div>
          ))}
        <p role="status">{list.data?.sentence}</p>
      </section>
      <div class="diagnose-columns">
        {days.data && <Calendar all={months(days.data.days)} day={day} choose={setDay} />}
        <div class="stack">
          <Card
            title={day ? say(W.listDay, { day: named(day) }) : W.list}
            side={
              day && (
                <Button kind="quiet" onClick={() => setDay(null)}>
                  {W.all}
                </Button>
              )
            }
          >
            {!list.data && (list.error ? <Trouble error={list.error} retry={list.reload} /> : <Blank />)}
            {list.data && items.length === 0 && <p class="soft">{day ? W.noneDay : W.none}</p>}
            <ul class="list">
              {items.map((each) => (
                <Happened key={each.id} outage={each} />
              ))}
            </ul>
          </Card>
          {list.data && list.data.reported.length > 0 && (
            <Card title={W.provider}>
              <ul class="list">
                {list.data.reported.map((each) => (
                  <li key={each.id}>
                    <p>{each.sentence}</p>
                    <p class="soft small">{[each.start, each.end].map((time) => (time ? moment(time) : "")).join(" – ")}</p>
                  </li>
                ))}
              </ul>
            </Card>
          )}
        </div>
      </div>
    </>
  );
}

function dayOf(time: string): string {
  return new Date(time).toLocaleDateString("en-CA", { timeZone: zone.value });
}

function Calendar({ all, day, choose }: { all: readonly Month[]; day: string | null; choose: (day: string | null) => void }) {
  const [back, setBack] = useState(0);
  const month = all.at(-1 - back);
  if (!month) return null;
  return (
    <Card
      title={named(month.name)}
      side={
        <div class="row">
          <Button kind="quiet" class="diagnose-turn back" disabled={back + 1 >= all.length} onClick={() => setBack(back + 1)}>
            <Icon name="chevron" label={W.before} />
          </Button>
          <Button kind="quiet" class="diagnose-turn" disabled={back === 0} onClick={() => setBack(back - 1)}>
            <Icon name="chevron" label={W.after} />
          </Button>
        </div>
      }
    >
      <div class="diagnose-month">
        {W.weekdays.map((each) => (
          <span key={each} class="soft small" aria-hidden="true">
            {each}
          </span>
        ))}
        {Array.from({ length: month.lead }, (_, number) => (
          <span key={number} />
        ))}
        {month.days.map((each) => (
          <button
            key={each.period}
            type="button"
            class={`diagnose-day d${shade(each)}`}
            aria-pressed={day === each.period}
            aria-label={say(W.day, { day: named(each.period), what: what(each) })}
            onClick={() => choose(day === each.period ? null : each.period)}
          >
            {Number(each.period.slice(8))}
          </button>
        ))}
      </div>
      <ul class="diagnose-legend">
        {W.legend.map((word, number) => (
          <li key={word} class="small soft">
            <span class={`diagnose-day d${number}`} aria-hidden="true" />
            {word}
          </li>
        ))}
      </ul>
    </Card>
  );
}

function what(day: Day): string {
  if (day.available === null) return W.unwatched;
  if (day.down) return say(W.gone, { time: duration(day.down) });
  return day.partly ? say(W.partly, { time: duration(day.partly) }) : W.whole;
}

function Happened({ outage }: { outage: Outage }) {
  const { start, end, seconds, scope, sentence, certain, repairs } = outage;
  return (
    <li class="stack-s">
      <div class="spread">
        <h3>{W.scopes[scope]}</h3>
        <Pill state={end ? "unknown" : scope === "internet" ? "down" : "degraded"}>{duration(seconds)}</Pill>
      </div>
      <p>{sentence}</p>
      <p class="soft small">
        {end ? `${moment(start)} – ${moment(end)}` : say(W.lasts, { when: moment(start) })}
        {!certain && ` ${W.away}`}
      </p>
      {repairs.map((each) => (
        <p key={each.id} class="soft small">
          {W.repair[each.state]}: {W.steps[each.step]}
        </p>
      ))}
    </li>
  );
}
