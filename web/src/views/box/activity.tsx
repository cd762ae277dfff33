// Who changed what.
import { useState } from "preact/hooks";
import { type Answer, call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Blank, Button, Card, Pill, Trouble } from "@/ui/parts";
import { save } from "@/views/box/parts";
import { SUMMARIES } from "../../../build/summaries";

type Act = Answer<"access.activity.list">["items"][number];

export function Activity() {
  const first = useAnswer("access.activity.list", { limit: 50 }, ["access.*"]);
  const [older, setOlder] = useState<{ items: readonly Act[]; next: string | null } | null>(null);
  const next = older ? older.next : (first.data?.next ?? null);
  const more = useAct(async () => {
    if (!next) return;
    const page = await call("access.activity.list", { limit: 50, cursor: next });
    setOlder((known) => ({ items: [...(known?.items ?? []), ...page.items], next: page.next ?? null }));
  });
  const file = useAct(async () => {
    const lines: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Answer<"access.activity.export"> = await call("access.activity.export", { limit: 5000, ...(cursor && { cursor }) });
      lines.push(page.lines);
      cursor = page.next ?? null;
    } while (cursor);
    save("activity.ndjson", lines, "application/x-ndjson");
  });
  if (!first.data) return first.error ? <Trouble error={first.error} retry={first.reload} /> : <Blank lines={6} />;
  // A newer reading of the first page may overlap what was loaded before.
  const known = new Map([...first.data.items, ...(older?.items ?? [])].map((act) => [act.id, act]));
  return (
    <Card>
      {known.size === 0 ? <p class="soft">{s.box.activity.none}</p> : <Acts acts={[...known.values()]} />}
      <Trouble error={more.error ?? file.error} />
      <div class="row">
        {next && (
          <Button busy={more.busy} onClick={more.run}>
            {s.box.activity.more}
          </Button>
        )}
        {known.size > 0 && (
          <Button busy={file.busy} icon="down" onClick={file.run}>
            {s.box.activity.save}
          </Button>
        )}
      </div>
    </Card>
  );
}

/** Rows of the activity list, also of a receipt. */
export function Acts({ acts }: { acts: readonly Act[] }) {
  return (
    <ul class="list">
      {acts.map((act) => (
        <li key={act.id} class="box-item">
          <div>
            <p>{SUMMARIES[act.operation] ?? act.operation}</p>
            <p class="small soft">
              {moment(act.time)}, {who(act)}
            </p>
            <p class="small soft">
              <code>{act.operation}</code>
            </p>
          </div>
          <Pill state={act.outcome === "ok" ? "ok" : "degraded"}>{act.outcome === "ok" ? s.box.activity.ok : s.box.activity.refused}</Pill>
        </li>
      ))}
    </ul>
  );
}

function who(act: Act): string {
  if (act.via === "internal") return s.box.activity.box;
  if (act.role === "anonymous") return s.box.activity.stranger;
  const role = act.role in s.shell.roles ? s.shell.roles[act.role as keyof typeof s.shell.roles] : act.role;
  return act.name ? say(s.box.activity.by, { who: act.name, role }) : role;
}
