// One button, one verdict, one remedy.
import { useEffect, useRef, useState } from "preact/hooks";
import { may } from "@/api/session";
import { useAnswer } from "@/api/use";
import { href, place } from "@/router";
import { s, say } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Icon, type IconName } from "@/ui/icon";
import { Blank, Button, Card, Dialog, Pill, Progress, type State, Trouble } from "@/ui/parts";
import { Ladder } from "./ladder";
import { CHECKS, type Diagnosis, ladder, type Run, severity } from "./model";
import type { DiagnosisPartial } from "./results";
import { useResumed, useTool } from "./running";

const W = s.diagnose;
const SIGNS: Record<State, IconName> = { ok: "check", degraded: "alert", down: "cross", unknown: "dash" };

/** `now` begins at once: whoever came by the red button has waited long enough. */
export function Verdict({ now }: { now: boolean }) {
  const tool = useTool<Diagnosis, DiagnosisPartial, "diagnostics.run">("diagnostics.run");
  useResumed("diagnostics.run");
  const runs = useAnswer("diagnostics.runs.list", may("diagnostics.runs.list") ? { limit: 6 } : null);
  const [asking, ask] = useState(false);
  const begun = useRef(false);
  useEffect(() => {
    if (!now || begun.current) return;
    begun.current = true;
    // Going back must not begin it again.
    history.replaceState(null, "", href("diagnose"));
    place.value = { view: "diagnose", rest: [] };
    if (!tool.running) void tool.start.run({});
  }, [now]);
  const ended = tool.job?.state;
  useEffect(() => {
    if (ended === "done") runs.reload();
  }, [ended]);

  const last = runs.data?.items[0];
  const found = tool.running ? null : (tool.result ?? last?.diagnosis ?? null);
  const partial = tool.partials.at(-1)?.results ?? [];
  const halted = !tool.running && (ended === "cancelled" || ended === "interrupted" || ended === "failed");
  const seen = found && !halted ? found.evidence : partial;
  const deed = tool.running ? () => void tool.stop.run() : () => void tool.start.run({});
  return (
    <div class="diagnose-verdict">
      <section class={`card diagnose-hero ${tool.running || halted ? "" : found ? severity(found) : ""}`}>
        {tool.running ? (
          <Looking done={partial.length} message={tool.job?.message ?? ""} />
        ) : halted ? (
          <Halted how={ended} detail={tool.job?.error?.detail} />
        ) : found ? (
          <Said found={found} started={tool.result ? undefined : last?.started} />
        ) : (
          <Idle loading={runs.loading} />
        )}
        <Trouble error={tool.start.error ?? tool.stop.error} />
        <div class="diagnose-deeds no-print">
          <Button {...(tool.running ? {} : { kind: "first" as const })} big icon={tool.running ? "stop" : "diagnose"} busy={tool.start.busy} onClick={deed}>
            {tool.running ? W.stop : found ? W.startAgain : W.start}
          </Button>
          {!tool.running && (
            <Button kind="quiet" onClick={() => ask(true)}>
              {W.thorough}
            </Button>
          )}
        </div>
      </section>
      <p class="visually-hidden" role="status">
        {!tool.running && tool.result ? `${tool.result.short} ${tool.result.remedy}` : ""}
      </p>
      {(found || tool.running || halted) && (
        <Card title={W.layersTitle} class="diagnose-layers">
          <Ladder
            key={tool.job?.id ?? "kept"}
            rungs={ladder(seen, tool.running)}
            here={halted ? undefined : found?.layer}
          />
        </Card>
      )}
      <div class="diagnose-rest">
        {found && !halted && <Also found={found} />}
        <Runs runs={runs.data?.items ?? []} />
      </div>
      {asking && (
        <Dialog
          title={W.thoroughTitle}
          onClose={() => ask(false)}
          deeds={
            <>
              <Button onClick={() => ask(false)}>{s.common.cancel}</Button>
              <Button
                kind="first"
                onClick={() => {
                  ask(false);
                  void tool.start.run({ thorough: true });
                }}
              >
                {W.thoroughGo}
              </Button>
            </>
          }
        >
          <p>{W.thoroughAsk}</p>
        </Dialog>
      )}
    </div>
  );
}

function Idle({ loading }: { loading: boolean }) {
  return (
    <div class="stack-s">
      <h1>{W.title}</h1>
      <p class="soft">{W.lead}</p>
      {!loading && <p class="soft small">{W.never}</p>}
    </div>
  );
}

function Looking({ done, message }: { done: number; message: string }) {
  return (
    <div class="stack-s">
      <h1>{W.looking}</h1>
      <Progress value={done / CHECKS} label={W.looking} />
      <p class="soft small">{say(W.counted, { done, all: CHECKS })}</p>
      <p class="soft diagnose-message">{message}</p>
    </div>
  );
}

function Halted({ how, detail }: { how: string | undefined; detail: string | undefined }) {
  return (
    <div class="stack-s">
      <h1>{W.title}</h1>
      <p>{how === "cancelled" ? W.stopped : how === "interrupted" ? W.interrupted : `${W.failed} ${detail ?? ""}`}</p>
    </div>
  );
}

/** The verdict: what, how sure, what to do, who. */
function Said({ found, started }: { found: Diagnosis; started: string | undefined }) {
  const state = severity(found);
  const seconds = found.seconds.toFixed(1);
  return (
    <>
      <div class="diagnose-said">
        <span class={`diagnose-sign ${state}`} aria-hidden="true">
          <Icon name={SIGNS[state]} size={28} />
        </span>
        <div class="stack-s">
          <h1>{found.short || found.verdict}</h1>
          <p class="row small soft">
            <Pill state={state}>{W.confidence[found.confidence]}</Pill>
            <span class="mono">{found.verdict}</span>
            <span>{started ? say(W.lastTime, { when: moment(started), seconds }) : say(W.tookSeconds, { seconds })}</span>
          </p>
        </div>
      </div>
      <div class="diagnose-remedy">
        <h2>{W.next}</h2>
        <p>{found.remedy}</p>
        {found.who !== "nobody" && (
          <p class="row soft small">
            <Icon name="person" />
            {W.who[found.who]}
          </p>
        )}
      </div>
      {found.notes.map((note) => (
        <p key={note} class="soft small">
          {note}
        </p>
      ))}
    </>
  );
}

function Also({ found }: { found: Diagnosis }) {
  if (found.also_seen.length === 0) return null;
  return (
    <Card title={W.also}>
      <ul class="list">
        {found.also_seen.map((each) => (
          <li key={each.verdict} class="stack-s">
            <h3>{each.short || each.verdict}</h3>
            <p class="soft">{each.remedy}</p>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Runs({ runs }: { runs: readonly Run[] }) {
  if (!may("diagnostics.runs.list")) return null;
  return (
    <Card title={W.runs}>
      {runs.length === 0 && <p class="soft">{W.runsEmpty}</p>}
      <ul class="list diagnose-runs">
        {runs.map(({ id, started, diagnosis }) => (
          <li key={id}>
            <a href={href("diagnose", "run", id)}>
              <span class={`diagnose-dot ${severity(diagnosis)}`} aria-hidden="true" />
              <span class="diagnose-grow">{diagnosis.short || diagnosis.verdict}</span>
              <span class="soft small">{moment(started)}</span>
              <Icon name="chevron" />
            </a>
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** A kept run, by its own address. */
export function EarlierRun({ id }: { id: string }) {
  const run = useAnswer("diagnostics.runs.get", { run: id });
  const back = (
    <a class="button no-print" href={href("diagnose")}>
      {W.toNow}
    </a>
  );
  if (!run.data) {
    return (
      <section class="card">
        <h1>{W.title}</h1>
        {run.error ? <Trouble error={run.error} retry={run.reload} /> : <Blank lines={4} />}
        <div>{back}</div>
      </section>
    );
  }
  const { diagnosis, started } = run.data;
  return (
    <div class="diagnose-verdict">
      <section class={`card diagnose-hero ${severity(diagnosis)}`}>
        <Said found={diagnosis} started={started} />
        <div class="diagnose-deeds">{back}</div>
      </section>
      <Card title={W.layersTitle} class="diagnose-layers">
        <Ladder rungs={ladder(diagnosis.evidence, false)} here={diagnosis.layer} />
      </Card>
      <div class="diagnose-rest">
        <Also found={diagnosis} />
      </div>
    </div>
  );
}
