// What somebody should know or do: the box's own alerts, and the owner's of who came in.
import { call } from "@/api/call";
import { may, me } from "@/api/session";
import { useAct, useAnswer } from "@/api/use";
import { href } from "@/router";
import { s, say } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Icon } from "@/ui/icon";
import { Button, Trouble } from "@/ui/parts";
import { type Headline, type Status, worthTelling } from "@/views/home/headline";

const MOST = 3;

export function Alerts({ status, line }: { status: Status; line: Headline }) {
  const owner = may("access.alerts.list");
  const own = useAnswer("access.alerts.list", owner ? { limit: 20 } : null, ["access.*"]);
  const dismiss = useAct(async (alert: string) => {
    await call("access.alerts.dismiss", { alert });
    own.reload();
  });
  const told = worthTelling(status, line);
  // That one has come in oneself is no news.
  const mine = me.value !== null && me.value !== "none" ? me.value.caller : "";
  const unseen = own.data?.items.filter((each) => !each.seen && `session:${each.subject}` !== mine) ?? [];
  if (told.length + unseen.length === 0) return null;
  return (
    <section class="home-alerts home-wide" aria-label={s.home.alerts.title}>
      {told.map((alert) => (
        <div key={alert.code + alert.sentence} class="note degraded home-alert">
          <Icon name="alert" />
          <p>{alert.sentence}</p>
        </div>
      ))}
      {unseen.slice(0, MOST).map((alert) => (
        <div key={alert.id} class="note home-alert">
          <Icon name="person" />
          <div>
            <p>{alert.sentence}</p>
            <p class="small soft">
              {moment(alert.time)}
              {alert.count > 1 && `, ${say(s.home.alerts.times, { n: alert.count })}`}
            </p>
          </div>
          <div class="row">
            <a class="button" href={href("box", alert.kind === "technician_visit" ? "visits" : alert.kind === "new_session" ? "sessions" : "activity")}>
              {s.home.alerts.look}
            </a>
            <Button onClick={() => dismiss.run(alert.id)} disabled={dismiss.busy}>
              {s.home.alerts.dismiss}
            </Button>
          </div>
        </div>
      ))}
      {unseen.length > MOST && <a href={href("box", "alerts")}>{say(s.home.alerts.more, { n: unseen.length - MOST })}</a>}
      <Trouble error={dismiss.error} />
    </section>
  );
}
