// What was changed, newest first, and how it ended.
import { useAnswer } from "@/api/use";
import { may } from "@/api/session";
import { s, say } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Blank, Card, Pill, Trouble } from "@/ui/parts";
import { Back, outage, useNames } from "@/views/wifi/change-card";
import { type Change, changeState, ended, type Network } from "@/views/wifi/data";

const t = s.wifi.history;

export function History({ networks }: { networks: readonly Network[] }) {
  const changes = useAnswer("wifi.changes.list", { limit: 30 }, ["wifi.changed"]);
  const name = useNames(networks);
  const items = changes.data?.items ?? [];
  const last = new Set<string>();
  for (const network of networks) {
    const latest = items.find((each) => each.network === network.id && each.state === "applied");
    if (latest && latest.from_revision !== latest.to_revision) last.add(latest.id);
  }
  return (
    <Card title={t.title}>
      <Trouble error={changes.error} retry={changes.reload} />
      {changes.loading && <Blank />}
      {changes.data && items.length === 0 && <p class="soft">{t.empty}</p>}
      <ul class="list">
        {items.map((change) => (
          <One
            key={change.id}
            change={change}
            name={name(change)}
            last={last.has(change.id)}
            reload={changes.reload}
          />
        ))}
      </ul>
    </Card>
  );
}

function One({ change, name, last, reload }: { change: Change; name: string; last: boolean; reload: () => void }) {
  const words = change.impact.changed.map((field) => t.fields[field as keyof typeof t.fields] ?? field);
  return (
    <li class="stack-s">
      <div class="spread">
        <h3 class="wifi-name">{name}</h3>
        <Pill state={changeState(change)}>{s.wifi.change.states[change.state]}</Pill>
      </div>
      <p class="soft small">
        {[
          moment(change.created),
          words.join(", ") || change.impact.summary,
          ended(change) && change.state === "applied" && s.wifi.change.proofs[change.proof],
          change.outage_ms && change.outage_ms >= 50 ? say(s.wifi.change.outage, { time: outage(change.outage_ms) }) : null,
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {change.reason && <p class="small">{change.reason}</p>}
      {last && may("wifi.changes.revert") && (
        <div>
          <Back change={change} word={s.wifi.change.undo} reload={reload} />
        </div>
      )}
    </li>
  );
}
