// Every alert that is remembered.
import { call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Blank, Button, Card, Trouble } from "@/ui/parts";

export function AlertList() {
  const alerts = useAnswer("access.alerts.list", { limit: 100 }, ["access.*"]);
  const dismiss = useAct(async (alert: string) => {
    await call("access.alerts.dismiss", { alert });
    alerts.reload();
  });
  return (
    <Card>
      {!alerts.data && (alerts.error ? <Trouble error={alerts.error} retry={alerts.reload} /> : <Blank />)}
      {alerts.data?.items.length === 0 && <p class="soft">{s.box.alerts.none}</p>}
      <Trouble error={dismiss.error} />
      <ul class="list">
        {alerts.data?.items.map((alert) => (
          <li key={alert.id} class="box-item">
            <div>
              <p class={alert.seen ? "soft" : undefined}>{alert.sentence}</p>
              <p class="small soft">
                {moment(alert.time)}
                {alert.count > 1 && `, ${say(s.box.alerts.times, { n: alert.count })}`}
              </p>
            </div>
            {alert.seen ? (
              <span class="small soft">{s.box.alerts.seen}</span>
            ) : (
              <Button onClick={() => dismiss.run(alert.id)} disabled={dismiss.busy}>
                {s.home.alerts.dismiss}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
