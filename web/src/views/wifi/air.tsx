// The air around: who else sends where, which channel is quietest, and our radios.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { may } from "@/api/session";
import { over, useAct, useAnswer, useJob } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Blank, Button, Card, Pill, Progress, Trouble } from "@/ui/parts";
import { AirMap } from "@/views/wifi/air-map";
import type { Survey } from "@/views/wifi/air-model";
import type { Radio } from "@/views/wifi/data";
import { RadioFacts, Tune } from "@/views/wifi/radios";

const t = s.wifi.air;

export function Air() {
  const radios = useAnswer("wifi.radios.list", {}, ["wifi.changed"]);
  const networks = useAnswer("wifi.networks.list", {});
  const name = networks.data?.items.find((each) => each.role === "home")?.ssid ?? "";
  const recent = useAnswer("jobs.list", may("wifi.survey.run") ? {} : null);
  const [asked, ask] = useState<string | null>(null);
  const start = useAct(async () => ask((await call("wifi.survey.run", {})).job.id));
  const last = recent.data?.items.find((job) => job.operation === "wifi.survey.run" && job.state === "done")?.id ?? null;
  const { job } = useJob(asked ?? last);
  const going = asked !== null && (!job || !over(job));
  const survey = job?.state === "done" ? (job.result as unknown as Survey) : null;
  return (
    <>
      <Trouble error={radios.error} retry={radios.reload} />
      {radios.loading && <Blank lines={4} />}
      {may("wifi.survey.run") && (
        <Card title={t.title}>
          {!survey && <p class="soft">{t.why}</p>}
          {survey?.notes.map((note) => (
            <p key={note} class="soft small">
              {note}
            </p>
          ))}
          {going && (
            <div class="stack-s" aria-live="polite">
              <p>{job?.message || t.listening}</p>
              <Progress value={job?.progress ?? 0} label={t.listening} />
            </div>
          )}
          {job && asked !== null && over(job) && job.state !== "done" && (
            <div class="note down" role="alert">
              <p>{job.error?.detail ?? t.failed}</p>
            </div>
          )}
          <Trouble error={start.error} />
          <div>
            <Button {...(!survey && { kind: "first" as const })} icon="wifi" busy={start.busy || going} onClick={() => start.run()}>
              {survey ? t.again : t.start}
            </Button>
          </div>
        </Card>
      )}
      <div class="wifi-columns">
        {radios.data?.items.map((radio) => (
          <BandCard key={radio.id} radio={radio} survey={survey} name={name} />
        ))}
      </div>
    </>
  );
}

function BandCard({ radio, survey, name }: { radio: Radio; survey: Survey | null; name: string }) {
  const [tuning, tune] = useState<{ channel?: number } | null>(null);
  const advice = survey?.advice.find((each) => each.band === radio.band);
  const neighbours = survey?.neighbours.filter((each) => each.band === radio.band) ?? [];
  const busy = new Map(
    survey?.channels.flatMap((each) => (each.band === radio.band && each.utilisation !== null ? [[each.channel, each.utilisation] as const] : [])),
  );
  const wanted = advice?.channel ?? null;
  // A survey looks further than some radios can go.
  const possible = radio.channels.length === 0 || radio.channels.some((each) => each.number === wanted && each.allowed);
  const better = wanted !== radio.channel && possible ? wanted : null;
  return (
    <Card
      title={`${radio.band} GHz`}
      side={<Pill state={radio.state === "on_air" ? "ok" : "down"}>{radio.channel === null ? t.silent : say(t.channel, { n: radio.channel })}</Pill>}
    >
      {survey && (
        <>
          <AirMap band={radio.band} neighbours={neighbours} busy={busy} radio={radio} name={name} />
          <p class="soft small">{t.legend}</p>
          {advice && <p>{advice.reason}</p>}
        </>
      )}
      <RadioFacts radio={radio} />
      {may("wifi.radios.update") && (
        <div class="row">
          {better !== null && (
            <Button kind="first" onClick={() => tune({ channel: better })}>
              {say(t.move, { n: better })}
            </Button>
          )}
          <Button onClick={() => tune({})}>{t.tune}</Button>
        </div>
      )}
      {survey && neighbours.length > 0 && (
        <details class="wifi-more">
          <summary>{t.list}</summary>
          <ul class="list">
            {neighbours.map((each) => (
              <li key={each.bssid} class="spread">
                <span class="wifi-name">{each.ssid || t.hidden}</span>
                <span class="soft small">
                  {[say(t.channel, { n: each.channel }), each.signal_dbm === null ? null : `${Math.round(each.signal_dbm)} dBm`, each.security.join(", ")]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {tuning && <Tune radio={radio} wish={tuning} onClose={() => tune(null)} />}
    </Card>
  );
}
