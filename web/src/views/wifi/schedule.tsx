// The hours of a network: spans of the week in which it is on.
import { useState } from "preact/hooks";
import { may } from "@/api/session";
import { s, say } from "@/strings/strings";
import { Button, Card, Dialog, Field } from "@/ui/parts";
import type { Network, Window } from "@/views/wifi/data";
import { ImpactReport } from "@/views/wifi/impact";

const t = s.wifi.schedule;
const ALL = [0, 1, 2, 3, 4, 5, 6];

export function Schedule({ network }: { network: Network }) {
  const [open, setOpen] = useState(false);
  return (
    <Card title={t.title}>
      {network.schedule.length === 0 ? (
        <p class="soft">{t.always}</p>
      ) : (
        <ul class="stack-s">
          {network.schedule.map((window, index) => (
            <li key={index}>{windowWords(window)}</li>
          ))}
        </ul>
      )}
      {may("wifi.networks.update") && (
        <div>
          <Button icon="clock" onClick={() => setOpen(true)}>
            {t.change}
          </Button>
        </div>
      )}
      {open && <Change network={network} onClose={() => setOpen(false)} />}
    </Card>
  );
}

/** `Mon, Tue: 06:00 to 22:00` */
export function windowWords(window: Window): string {
  const days = window.days.length === 7 ? t.everyDay : window.days.map((day) => t.days[day]).join(", ");
  const time = window.start === window.end ? t.wholeDay : say(t.span, { start: window.start, end: window.end });
  return `${days}: ${time}`;
}

function Change({ network, onClose }: { network: Network; onClose: () => void }) {
  const [windows, set] = useState<readonly Window[]>(network.schedule);
  const [asked, ask] = useState(false);
  const put = (index: number, given: Partial<Window>) => set(windows.map((each, at) => (at === index ? { ...each, ...given } : each)));
  const same = JSON.stringify(windows) === JSON.stringify(network.schedule);
  if (asked) {
    return (
      <Dialog title={s.wifi.impact.title} onClose={onClose}>
        <ImpactReport
          wish={{ kind: "network", network: network.id, patch: { schedule: [...windows] }, revision: network.revision }}
          onBack={() => ask(false)}
          onDone={onClose}
        />
      </Dialog>
    );
  }
  return (
    <Dialog
      title={t.change}
      onClose={onClose}
      deeds={
        <>
          <Button onClick={onClose}>{s.common.cancel}</Button>
          <Button kind="first" disabled={same || windows.some((each) => each.days.length === 0)} onClick={() => ask(true)}>
            {s.wifi.edit.next}
          </Button>
        </>
      }
    >
      <p class="soft">{windows.length ? t.why : t.always}</p>
      {windows.map((window, index) => (
        <fieldset key={index} class="wifi-window">
          <legend>{say(t.window, { n: index + 1 })}</legend>
          <div class="wifi-days" role="group" aria-label={t.on}>
            {ALL.map((day) => (
              <button
                key={day}
                type="button"
                aria-pressed={window.days.includes(day)}
                onClick={() => put(index, { days: ALL.filter((each) => (each === day) !== window.days.includes(each)) })}
              >
                {t.days[day]}
              </button>
            ))}
          </div>
          <div class="wifi-times">
            <Field label={t.from} type="time" required value={window.start} onInput={(event) => put(index, { start: event.currentTarget.value })} />
            <Field label={t.to} type="time" required value={window.end} onInput={(event) => put(index, { end: event.currentTarget.value })} />
          </div>
          <div>
            <Button kind="quiet" icon="trash" class="wifi-flush" onClick={() => set(windows.filter((_, at) => at !== index))}>
              {say(t.remove, { n: index + 1 })}
            </Button>
          </div>
        </fieldset>
      ))}
      {windows.length < 28 && (
        <div>
          <Button icon="plus" onClick={() => set([...windows, { days: ALL, start: "06:00", end: "23:00" }])}>
            {t.add}
          </Button>
        </div>
      )}
    </Dialog>
  );
}
