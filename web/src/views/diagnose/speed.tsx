// The line's speed, measured by the box: the curve while it runs, the waiting times beside it.
import { useEffect, useRef } from "preact/hooks";
import { may } from "@/api/session";
import { useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { moment, rate, size } from "@/ui/format";
import { Icon } from "@/ui/icon";
import { Button, Card, Progress, Trouble } from "@/ui/parts";
import { Plot } from "@/ui/plot";
import { type Curves, curves, type Sample } from "./curve";
import { grade } from "./model";
import type { DirectionResult, Latency, SpeedProgress, SpeedtestResult, Way } from "./results";
import { useResumed, useTool } from "./running";

const W = s.diagnose.speed;
const WAYS: readonly Way[] = ["down", "up"];
const STATES = { good: "ok", fair: "degraded", poor: "down" } as const;

export function Speed() {
  const tool = useTool<SpeedtestResult, SpeedProgress, "diagnostics.speedtest">("diagnostics.speedtest");
  useResumed("diagnostics.speedtest");
  const { job, running, partials, result } = tool;
  const drawn = useSamples(partials, job?.id);
  const now = running ? partials.at(-1) : undefined;
  const figure = (way: Way): number | null => {
    if (now?.stage === way) return now.rate;
    const done = result ? result[way] : way === "down" ? now?.down : null;
    return done?.rate ?? null;
  };
  const started = running || result !== null;
  return (
    <>
      <section class="card diagnose-hero">
        <div class="stack-s">
          <h1>{W.title}</h1>
          {!started && <p class="soft">{W.lead}</p>}
          {job?.state === "cancelled" && <p>{W.cancelled}</p>}
          {job?.state === "failed" && <p>{job.error?.detail}</p>}
        </div>
        {started && (
          <>
            <div class="diagnose-speeds">
              {WAYS.map((way) => (
                <Figure key={way} way={way} value={figure(way)} live={now?.stage === way} result={result?.[way] ?? null} over={!running} />
              ))}
            </div>
            {drawn.x.length > 1 && <Drawn drawn={drawn} figure={figure} />}
          </>
        )}
        {running && (
          <div class="stack-s">
            <Progress value={job?.progress ?? 0} label={W.title} />
            <p class="soft">{now ? W.stages[now.stage] : W.stages.listening}</p>
          </div>
        )}
        {result && <p role="status">{result.sentence}</p>}
        <Trouble error={tool.start.error ?? tool.stop.error} />
        <div class="diagnose-deeds">
          <Button
            {...(running ? {} : { kind: "first" as const })}
            big
            icon={running ? "stop" : "diagnose"}
            busy={tool.start.busy}
            onClick={() => void (running ? tool.stop.run() : tool.start.run({}))}
          >
            {running ? W.cancel : result ? W.again : W.start}
          </Button>
          {!running && result?.state === "busy" && (
            <Button onClick={() => void tool.start.run({ even_if_busy: true })}>{W.anyway}</Button>
          )}
        </div>
      </section>
      <div class="diagnose-columns">
        {result && (result.down ?? result.up) && <Waiting result={result} />}
        {result && (result.down ?? result.up) && <Facts result={result} />}
      </div>
      {may("diagnostics.history.get") && <Before fresh={result?.started ?? ""} />}
    </>
  );
}

/** The samples with the time of their coming; those of another test are forgotten. */
function useSamples(partials: readonly SpeedProgress[], job: string | undefined): Curves {
  const kept = useRef<{ job: string | undefined; samples: Sample[] }>({ job, samples: [] });
  if (kept.current.job !== job) kept.current = { job, samples: [] };
  const { samples } = kept.current;
  for (const { stage, rate } of partials.slice(samples.length)) samples.push({ at: performance.now() / 1000, stage, rate });
  return curves(samples);
}

function Drawn({ drawn, figure }: { drawn: Curves; figure: (way: Way) => number | null }) {
  const word = (way: Way) => {
    const value = figure(way);
    return value === null ? W.none : rate(value);
  };
  return (
    <Plot
      label={say(W.plot, { down: word("down"), up: word("up") })}
      x={drawn.x}
      curves={[
        { label: W.down, colour: "accent", values: drawn.down },
        { label: W.up, colour: "glow", values: drawn.up },
      ]}
      format={rate}
    />
  );
}

function Figure(props: { way: Way; value: number | null; live: boolean; over: boolean; result: DirectionResult | null }) {
  const { way, value, live, over, result } = props;
  const [amount, unit] = value === null ? ["–", ""] : (rate(value).split(" ") as [string, string]);
  return (
    <div class={`diagnose-figure ${way} ${live ? "live" : ""}`}>
      <span class="row small soft">
        <Icon name={way} />
        {W[way]}
      </span>
      <span class="diagnose-number">
        {amount} <small>{unit}</small>
      </span>
      {over && value === null && <span class="small soft">{result && result.limited.length > 0 ? W.withheld : W.none}</span>}
    </div>
  );
}

function Waiting({ result }: { result: SpeedtestResult }) {
  const found = WAYS.flatMap((way) => result[way]?.latency?.rpm ?? []);
  const word = grade(found);
  const rows: [string, Latency | null | undefined][] = [
    [W.idle, result.idle],
    [W.loaded.down, result.down?.latency],
    [W.loaded.up, result.up?.latency],
  ];
  const most = Math.max(...rows.map(([, each]) => each?.ms ?? 0), 1);
  return (
    <Card title={W.latency}>
      <ul class="stack">
        {rows.map(
          ([name, each]) =>
            each && (
              <li key={name} class="stack-s">
                <span class="spread">
                  <span>{name}</span>
                  <strong>{Math.round(each.ms)} ms</strong>
                </span>
                <span class="diagnose-bar" aria-hidden="true">
                  <span style={{ width: `${(each.ms / most) * 100}%` }} />
                </span>
                <span class="soft small">{say(W.rpm, { rpm: each.rpm })}</span>
              </li>
            ),
        )}
      </ul>
      {word && <p class={`note ${STATES[word]}`}>{W.grades[word]}</p>}
    </Card>
  );
}

function Facts({ result }: { result: SpeedtestResult }) {
  return (
    <Card title={W.facts}>
      <dl class="facts">
        <dt>{W.server}</dt>
        <dd>{result.server}</dd>
      </dl>
      {WAYS.map((way) => {
        const each = result[way];
        return (
          each && (
            <div key={way} class="stack-s">
              <h3>{W[way]}</h3>
              <dl class="facts">
                <dt>{W.sure}</dt>
                <dd>{s.diagnose.confidence[each.confidence]}</dd>
                <dt>{W.streams}</dt>
                <dd>{each.streams}</dd>
                <dt>{W.amount}</dt>
                <dd>{size(each.bytes)}</dd>
                <dt>{W.resent}</dt>
                <dd>{each.retransmits}</dd>
              </dl>
            </div>
          )
        );
      })}
    </Card>
  );
}

const MONTH = 31 * 86_400;

/** What earlier tests found, from the box's history. */
function Before({ fresh }: { fresh: string }) {
  const names = useAnswer("diagnostics.history.get", {});
  const known = (series: string) => (names.data?.series.includes(series) ? { series, seconds: MONTH } : null);
  const down = useAnswer("diagnostics.history.get", known("speed_down_bits"));
  const up = useAnswer("diagnostics.history.get", known("speed_up_bits"));
  useEffect(() => {
    if (fresh) for (const each of [names, down, up]) each.reload();
  }, [fresh]);
  const points = down.data?.points ?? [];
  if (points.length === 0) return null;
  const matching = new Map((up.data?.points ?? []).map((each) => [each.time, each.mean]));
  const most = Math.max(...points.map((each) => each.high));
  return (
    <Card title={W.before}>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{W.when}</th>
              <th scope="col">{W.down}</th>
              <th scope="col">{W.up}</th>
            </tr>
          </thead>
          <tbody>
            {points
              .slice(-12)
              .reverse()
              .map(({ time, mean }) => (
                <tr key={time}>
                  <td>{moment(time)}</td>
                  <td>
                    <span class="diagnose-bar" aria-hidden="true">
                      <span style={{ width: `${(mean / most) * 100}%` }} />
                    </span>
                    {rate(mean)}
                  </td>
                  <td>{matching.has(time) ? rate(matching.get(time) ?? 0) : ""}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
