// What the box may do by itself against an outage.
import { type Answer, call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { s } from "@/strings/strings";
import { duration, moment } from "@/ui/format";
import { Blank, Card, Pill, Trouble } from "@/ui/parts";
import { Switch } from "@/views/box/parts";

type Step = Answer<"diagnostics.repair.get">["steps"][number];
const STEPS = Object.keys(s.box.repair.steps) as Step[];

export function Repair() {
  const repair = useAnswer("diagnostics.repair.get", {}, ["diagnostics.*"]);
  const act = useAct(async (steps: Step[]) => {
    await call("diagnostics.repair.update", { steps });
    repair.reload();
  });
  if (!repair.data) return repair.error ? <Trouble error={repair.error} retry={repair.reload} /> : <Blank lines={5} />;
  const { steps, possible, taken } = repair.data;
  return (
    <>
      <Card>
        <p class="soft">{s.box.repair.why}</p>
        <div>
          {STEPS.map((step) => (
            <Switch
              key={step}
              title={s.box.repair.steps[step].title}
              more={possible.includes(step) ? s.box.repair.steps[step].more : s.box.repair.cannot}
              on={steps.includes(step)}
              disabled={act.busy || !possible.includes(step)}
              onChange={(on) => act.run(on ? [...steps, step] : steps.filter((each) => each !== step))}
            />
          ))}
        </div>
        <Trouble error={act.error} />
      </Card>
      <Card title={s.box.repair.taken}>
        {taken.length === 0 && <p class="soft">{s.box.repair.none}</p>}
        <ul class="list">
          {taken.map((each) => (
            <li key={each.id} class="box-item">
              <div>
                <p class="box-name">{s.box.repair.steps[each.step].title}</p>
                <p class="small soft">
                  {moment(each.began)}
                  {each.seconds != null && `, ${duration(each.seconds)}`}
                  {each.note && `, ${each.note}`}
                </p>
              </div>
              <Pill state={each.state === "helped" ? "ok" : each.state === "running" ? "unknown" : "degraded"}>{s.box.repair.states[each.state]}</Pill>
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}
