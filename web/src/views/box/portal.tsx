// The link to the operator: how it is, what the operator may change, what was done by it.
import { call } from "@/api/call";
import { may } from "@/api/session";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Blank, Button, Card, Pill, type State, Trouble } from "@/ui/parts";
import { Asked, Switch } from "@/views/box/parts";

type Area = keyof typeof s.box.portal.areas;
const STATES: Record<string, State> = { up: "ok", connecting: "unknown", waiting: "degraded" };
const word = (state: string): string =>
  state in s.box.portal.states ? s.box.portal.states[state as keyof typeof s.box.portal.states] : state;

export function Portal() {
  const portal = useAnswer("portal.get", {}, ["portal.*"], 15_000);
  const manage = may("portal.policy");
  const log = useAnswer("portal.log", manage ? { limit: 30 } : null, ["portal.*"], 30_000);
  const veto = useAct(async (area: Area, allowed: boolean) => {
    await call("portal.policy", { areas: { [area]: allowed } });
    portal.reload();
  });
  const turn = useAct(async (enabled: boolean) => {
    await call("portal.configure", { enabled });
    portal.reload();
  });
  if (!portal.data) return portal.error ? <Trouble error={portal.error} retry={portal.reload} /> : <Blank lines={5} />;
  const { enabled, links, waiting, allowed, controllers } = portal.data;
  const configured = controllers.length > 0;
  return (
    <>
      <Card>
        <p>{enabled ? s.box.portal.on : configured ? s.box.portal.disabled : s.box.portal.off}</p>
        <ul class="list">
          {links.map((link) => (
            <li key={link.name} class="box-item">
              <div>
                <p class="box-name">{link.name}</p>
                <p class="small soft">
                  {moment(link.since)}
                  {link.reason && `, ${link.reason}`}
                </p>
              </div>
              <Pill state={STATES[link.state] ?? "unknown"}>{word(link.state)}</Pill>
            </li>
          ))}
        </ul>
        {waiting > 0 && <p class="small soft">{say(s.box.portal.queued, { n: waiting })}</p>}
        <Trouble error={turn.error} />
        {manage && enabled && (
          <div>
            <Asked
              word={s.box.portal.switchOff}
              title={s.box.portal.offSure}
              consequence={s.box.portal.offMeans}
              run={async () => {
                await call("portal.configure", { enabled: false });
                portal.reload();
              }}
            />
          </div>
        )}
        {manage && !enabled && configured && (
          <div>
            <Button busy={turn.busy} onClick={() => turn.run(true)}>
              {s.box.portal.switchOn}
            </Button>
          </div>
        )}
      </Card>
      {manage && (
        <Card title={s.box.portal.veto}>
          <p class="soft">{s.box.portal.vetoWhy}</p>
          <div>
            {(Object.keys(s.box.portal.areas) as Area[])
              .filter((area) => area in allowed)
              .map((area) => (
                <Switch
                  key={area}
                  title={s.box.portal.areas[area]}
                  on={allowed[area] ?? false}
                  disabled={veto.busy}
                  onChange={(on) => veto.run(area, on)}
                />
              ))}
          </div>
          <Trouble error={veto.error} />
        </Card>
      )}
      {manage && (
        <Card title={s.box.portal.log}>
          {log.data?.items.length === 0 && <p class="soft">{s.box.portal.none}</p>}
          {!log.data && (log.error ? <Trouble error={log.error} retry={log.reload} /> : <Blank />)}
          <ul class="list">
            {log.data?.items.map((entry) => (
              <li key={entry.id} class="box-item">
                <div>
                  <p>{entry.what}</p>
                  <p class="small soft">
                    {moment(entry.time)}, {entry.controller}
                  </p>
                </div>
                <Pill state={entry.kind === "refused" ? "degraded" : "unknown"}>{s.box.portal.kinds[entry.kind]}</Pill>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}
