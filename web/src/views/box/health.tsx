// How the machine is: for who keeps it in order every part, for others one sentence.
import { may } from "@/api/session";
import { useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { duration, moment, size } from "@/ui/format";
import { Blank, Card, Pill, Trouble } from "@/ui/parts";

const EVERY = 10_000;

export function Health() {
  return may("upkeep.health.get") ? <Parts /> : <Sentence />;
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
  const { data: whole, error, reload } = useAnswer("upkeep.health.get", {}, ["upkeep.*"], EVERY);
  if (!whole) return error ? <Trouble error={error} retry={reload} /> : <Blank lines={6} />;
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
