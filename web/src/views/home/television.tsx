// What records now, and what comes next.
import { useAnswer } from "@/api/use";
import { href } from "@/router";
import { s, say } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Icon } from "@/ui/icon";
import { Blank, Card, Trouble } from "@/ui/parts";

export function Television() {
  const running = useAnswer("dvr.recordings.list", { state: "recording", limit: 5 }, ["dvr.*"], 30_000);
  const coming = useAnswer("dvr.recordings.list", { state: "scheduled", limit: 50 }, ["dvr.*"], 60_000);
  const next = [...(coming.data?.items ?? [])].sort((a, b) => a.start.localeCompare(b.start)).slice(0, 2);
  const now = running.data?.items ?? [];
  const error = running.error ?? coming.error;
  return (
    <Card
      title={s.home.tv.title}
      side={
        <a href={href("tv")} class="button quiet">
          {s.home.tv.all}
        </a>
      }
    >
      {!running.data && (error ? <Trouble error={error} retry={running.reload} /> : <Blank lines={2} />)}
      {running.data && now.length + next.length === 0 && <p class="soft">{s.home.tv.nothing}</p>}
      <ul class="list">
        {now.map((each) => (
          <li key={each.id} class="home-show">
            <span class="home-recording">
              <Icon name="record" size={18} />
              <span class="visually-hidden">{s.home.tv.now}</span>
            </span>
            <div>
              <p class="home-title">{each.title}</p>
              <p class="small soft">{say(s.home.tv.until, { time: moment(each.stop) })}</p>
            </div>
          </li>
        ))}
        {next.map((each) => (
          <li key={each.id} class="home-show">
            <span class="soft">
              <Icon name="clock" size={18} />
            </span>
            <div>
              <p class="home-title">{each.title}</p>
              <p class="small soft">{say(s.home.tv.from, { time: moment(each.start) })}</p>
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}
