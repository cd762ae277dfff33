// What the box knows of people: taken along as a file, or erased with a receipt.
import { useEffect, useState } from "preact/hooks";
import type { components } from "#api";
import { type Answer, call } from "@/api/call";
import { over, useAct, useJob } from "@/api/use";
import { s, say } from "@/strings/strings";
import { size } from "@/ui/format";
import { Button, Card, Check, Progress, Trouble } from "@/ui/parts";
import { toast } from "@/ui/toast";
import { Asked, bytes, save } from "@/views/box/parts";

type Exported = components["schemas"]["Exported"];
type Receipts = components["schemas"]["Receipts"];

export function Export() {
  const [id, setId] = useState<string | null>(null);
  const { job } = useJob(id);
  const start = useAct(async () => setId((await call("privacy.export", {})).job.id));
  const made = job?.state === "done" ? (job.result as unknown as Exported) : null;
  const fetched = useAct(async (found: Exported) => {
    const parts: BlobPart[] = [];
    for (let part = 0; part < found.parts; part += 1) {
      parts.push(bytes((await call("privacy.exports.get", { export: found.export, part })).content));
    }
    save("everything-personal.zip", parts, "application/zip");
  });
  return (
    <Card title={s.box.privacy.export}>
      <p class="soft">{s.box.privacy.exportWhy}</p>
      <Trouble error={start.error ?? fetched.error} />
      {job && !over(job) && <Progress value={job.progress} label={s.box.working} />}
      {job?.error && <div class="note down">{job.error.detail}</div>}
      <div class="row" aria-live="polite">
        {made ? (
          <Button kind="first" icon="down" busy={fetched.busy} onClick={() => fetched.run(made)}>
            {say(s.box.privacy.exportSave, { size: size(made.bytes) })}
          </Button>
        ) : (
          <Button busy={start.busy || (job !== null && !over(job))} onClick={start.run}>
            {s.box.privacy.exportGo}
          </Button>
        )}
      </div>
    </Card>
  );
}

const named = (area: string): string =>
  area in s.box.privacy.areas ? s.box.privacy.areas[area as keyof typeof s.box.privacy.areas] : area;

export function Erase({ areas }: { areas: Answer<"privacy.settings.get">["areas"] }) {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [id, setId] = useState<string | null>(null);
  const { job } = useJob(id);
  const state = job?.state;
  useEffect(() => {
    if (state === "done") toast(s.box.privacy.receipt);
  }, [state]);
  const receipts = state === "done" ? (job?.result as unknown as Receipts) : null;
  return (
    <Card title={s.box.privacy.erase}>
      <p class="soft">{s.box.privacy.eraseWhy}</p>
      <div>
        {areas.map((area) => (
          <Check
            key={area}
            label={named(area)}
            checked={chosen.includes(area)}
            onChange={(on) => setChosen(on ? [...chosen, area] : chosen.filter((each) => each !== area))}
          />
        ))}
      </div>
      {job && !over(job) && <Progress value={job.progress} label={s.box.working} />}
      {job?.error && <div class="note down">{job.error.detail}</div>}
      {receipts && (
        <div class="note ok" role="status">
          <h3>{s.box.privacy.receipt}</h3>
          <ul>
            {receipts.areas.map((each) => (
              <li key={each.area}>{named(each.area)}</li>
            ))}
          </ul>
          <p class="small">{say(s.box.privacy.backups, { n: receipts.backups_replaced })}</p>
        </div>
      )}
      <div>
        <Asked
          word={s.box.privacy.eraseGo}
          danger
          disabled={chosen.length === 0}
          title={s.box.privacy.eraseSure}
          consequence={say(s.box.privacy.eraseWhat, { areas: chosen.map(named).join("; ") })}
          yes={s.box.privacy.eraseYes}
          run={async () => {
            setId((await call("privacy.delete", { areas: [...chosen] })).job.id);
            setChosen([]);
          }}
        />
      </div>
    </Card>
  );
}
