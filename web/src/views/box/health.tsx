// How the machine is. Where the box says no more than one sentence, that one.
import { useEffect, useState } from "preact/hooks";
import { call, Refusal, Unreachable } from "@/api/call";
import { useAnswer } from "@/api/use";
import { serves } from "@/life";
import { s, say } from "@/strings/strings";
import { duration, moment, size } from "@/ui/format";
import { Blank, Card, Pill, type State, Trouble } from "@/ui/parts";

const EVERY = 10_000;

interface Whole {
  state: State;
  sentence: string;
  parts: { name: string; state: State; sentence: string }[];
  processes: { name: string; state: State; pid: number | null; memory: number }[];
  uptime: number;
  started: string;
}

export function Health() {
  return serves("upkeep.health.get") ? <Parts /> : <Sentence />;
}

function Sentence() {
  const status = useAnswer("status.get", {}, ["upkeep.*"], EVERY);
  if (!status.data) return status.error ? <Trouble error={status.error} retry={status.reload} /> : <Blank />;
  const { state, sentence } = status.data.health;
  return (
    <Card>
      <div class="spread">
        <p>{sentence}</p>
        <Pill state={state} />
      </div>
    </Card>
  );
}

function Parts() {
  const { whole, error, retry } = useWhole();
  if (!whole) return error ? <Trouble error={error} retry={retry} /> : <Blank lines={6} />;
  return (
    <>
      <Card>
        <div class="spread" aria-live="polite">
          <h2>{whole.sentence}</h2>
          <Pill state={whole.state} />
        </div>
        <dl class="facts small">
          <dt>{s.box.health.up}</dt>
          <dd>{duration(whole.uptime)}</dd>
          <dt>{s.box.health.started}</dt>
          <dd>{moment(whole.started)}</dd>
        </dl>
      </Card>
      <Card title={s.box.health.parts}>
        <ul class="list">
          {whole.parts.map((part) => (
            <li key={part.name} class="box-item">
              <div>
                <p class="box-name">{named(part.name)}</p>
                <p class="small soft">{part.sentence}</p>
              </div>
              <Pill state={part.state} />
            </li>
          ))}
        </ul>
      </Card>
      <Card title={s.box.health.processes}>
        <ul class="list">
          {whole.processes.map((process) => (
            <li key={process.name} class="box-item">
              <div>
                <p class="box-name">{process.name}</p>
                <p class="small soft">
                  {process.pid === null ? s.box.health.away : say(s.box.health.memory, { memory: size(process.memory) })}
                </p>
              </div>
              <Pill state={process.state} />
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}

const named = (name: string): string => (name in s.box.health.names ? s.box.health.names[name as keyof typeof s.box.health.names] : name);

function useWhole() {
  const [whole, setWhole] = useState<Whole | null>(null);
  const [error, setError] = useState<Refusal | Unreachable | null>(null);
  const [turn, again] = useState(0);
  useEffect(() => {
    let here = true;
    const read = async () => {
      try {
        const found = (await call("upkeep.health.get" as never, {} as never)) as unknown as Whole;
        if (here) setWhole(found);
        if (here) setError(null);
      } catch (reason) {
        if (!(reason instanceof Refusal || reason instanceof Unreachable)) throw reason;
        if (here) setError(reason);
      }
    };
    void read();
    const timer = setInterval(() => document.visibilityState === "visible" && void read(), EVERY);
    return () => {
      here = false;
      clearInterval(timer);
    };
  }, [turn]);
  return { whole, error, retry: () => again(turn + 1) };
}
