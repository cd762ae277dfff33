// One file for whoever helps.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { over, useAct, useJob } from "@/api/use";
import { s } from "@/strings/strings";
import { Button, Card, Progress, Trouble } from "@/ui/parts";

export function Support() {
  const [id, setId] = useState<string | null>(null);
  const { job } = useJob(id);
  const start = useAct(async () => {
    const answer = (await call("upkeep.support_bundle" as never, {} as never)) as unknown as { job: { id: string } };
    setId(answer.job.id);
  });
  return (
    <Card>
      <p class="soft">{s.box.support.why}</p>
      <Trouble error={start.error} />
      {job && !over(job) && <Progress value={job.progress} label={s.box.working} />}
      {job?.error && <div class="note down">{job.error.detail}</div>}
      <div>
        <Button kind="first" busy={start.busy || (job !== null && !over(job))} onClick={start.run}>
          {s.box.support.go}
        </Button>
      </div>
    </Card>
  );
}
