// One file for whoever helps, and what is in it before it is given away.
import { useState } from "preact/hooks";
import type { components } from "#api";
import { call } from "@/api/call";
import { over, useAct, useJob } from "@/api/use";
import { s, say } from "@/strings/strings";
import { size } from "@/ui/format";
import { Button, Card, Field, Progress, Trouble } from "@/ui/parts";
import { bytes, save } from "@/views/box/parts";

type Bundle = components["schemas"]["SupportBundle"];

export function Support() {
  const [reason, setReason] = useState("");
  const [id, setId] = useState<string | null>(null);
  const { job } = useJob(id);
  const start = useAct(async () => {
    setId((await call("upkeep.support_bundle", { reason })).job.id);
  });
  const made = job?.state === "done" ? (job.result as unknown as Bundle) : null;
  const working = start.busy || (job !== null && !over(job));
  return (
    <>
      <Card>
        <p class="soft">{s.box.support.why}</p>
        <Field label={s.box.support.reason} maxLength={200} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        <Trouble error={start.error} />
        {job && !over(job) && <Progress value={job.progress} label={s.box.working} />}
        {job?.error && <div class="note down">{job.error.detail}</div>}
        <div>
          <Button kind={made ? undefined : "first"} busy={working} onClick={start.run}>
            {s.box.support.go}
          </Button>
        </div>
      </Card>
      <div aria-live="polite">{made && <Made bundle={made} />}</div>
    </>
  );
}

function Made({ bundle }: { bundle: Bundle }) {
  const fetched = useAct(async () => {
    const parts: BlobPart[] = [];
    for (let part = 0; part < bundle.parts; part += 1) {
      parts.push(bytes((await call("upkeep.support_bundles.get", { bundle: bundle.bundle, part })).content));
    }
    save(bundle.name, parts, "application/zip");
  });
  return (
    <Card title={s.box.support.inside}>
      <ul class="list">
        {bundle.items.map((item) => (
          <li key={item.name} class="box-item">
            <div>
              <p>{item.tells}</p>
              <p class="small soft mono">{item.name}</p>
            </div>
            <span class="small soft">{size(item.bytes)}</span>
          </li>
        ))}
      </ul>
      {bundle.left_out.length > 0 && <p class="small soft">{say(s.box.support.leftOut, { names: bundle.left_out.join(", ") })}</p>}
      <Trouble error={fetched.error} />
      <div>
        <Button kind="first" icon="down" busy={fetched.busy} onClick={fetched.run}>
          {say(s.box.support.save, { size: size(bundle.bytes) })}
        </Button>
      </div>
    </Card>
  );
}
