// Home: one sentence, the way from the line to the devices, and what one comes here for.
import { box, may, me, role } from "@/api/session";
import { useAnswer } from "@/api/use";
import { go, href } from "@/router";
import { s, say } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Icon } from "@/ui/icon";
import { Blank, Button, Trouble } from "@/ui/parts";
import { Alerts } from "@/views/home/alerts";
import { headline, type Headline } from "@/views/home/headline";
import { Map } from "@/views/home/map";
import { Rate } from "@/views/home/rate";
import { Television } from "@/views/home/television";
import { Verdict } from "@/views/home/verdict";
import { WifiCard } from "@/views/home/wificard";
import "@/views/home/home.css";

const TOPICS = ["diagnostics.*", "wifi.*", "dvr.*", "access.alert", "upkeep.*", "jobs.changed", "portal.link"];

export default function Home() {
  const status = useAnswer("status.get", {}, TOPICS, 15_000);
  if (!status.data) {
    return (
      <>
        <h1 class="visually-hidden">{s.shell.views.home}</h1>
        {status.error ? <Trouble error={status.error} retry={status.reload} /> : <Blank lines={5} />}
      </>
    );
  }
  const line = headline(status.data, may("dvr.recordings.list"));
  const technician = role.value === "technician";
  const mine = me.value !== null && me.value !== "none" ? me.value : null;
  return (
    <div class="home">
      <Hero line={line} />
      {box.value?.state === "safe_mode" && <p class="note degraded home-wide">{s.home.safe}</p>}
      {technician && <Verdict verdict={status.data.verdict} />}
      <Map status={status.data} />
      {!technician && may("diagnostics.run") && (
        <Button kind="danger" big wide icon="alert" class="home-wide home-wrong" onClick={() => go("diagnose", "now")}>
          {s.home.wrong}
        </Button>
      )}
      {mine?.account && !mine.password && (
        <div class="note degraded home-wide">
          <p>{s.home.noPassword}</p>
          <div>
            <a class="button" href={href("box", "you")}>
              {s.home.choosePassword}
            </a>
          </div>
        </div>
      )}
      <Alerts status={status.data} line={line} />
      <div class="home-column">
        {may("wifi.networks.list") && <WifiCard />}
        {may("dvr.recordings.list") && <Television />}
      </div>
      {may("wifi.stations.list") && <Rate />}
    </div>
  );
}

/** The big sentence, and since when it is true. */
function Hero({ line }: { line: Headline }) {
  const outages = useAnswer(
    "diagnostics.outages.list",
    line.part === "internet" && may("diagnostics.outages.list") ? { limit: 5 } : null,
    ["diagnostics.*"],
  );
  const open = outages.data?.items.find((each) => each.end === null);
  return (
    <header class={`home-hero ${line.state}`}>
      <span class="home-mark" aria-hidden="true">
        <Icon name={line.state === "ok" ? "check" : line.state === "unknown" ? "dash" : line.state === "down" ? "cross" : "alert"} size={30} />
      </span>
      <div aria-live="polite">
        <h1>{line.sentence?.replace(/\.$/, "") ?? s.home.fine}</h1>
        {open && line.part === "internet" && <p class="soft">{say(s.home.since, { time: moment(open.start) })}</p>}
        {line.state === "ok" && <p class="soft">{s.home.fineMore}</p>}
      </div>
    </header>
  );
}
