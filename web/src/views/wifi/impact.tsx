// What a change would do to the household, said before anything happens; then the deed itself.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { role } from "@/api/session";
import { useAct, useAnswer } from "@/api/use";
import { s, plural, say } from "@/strings/strings";
import { duration } from "@/ui/format";
import { Blank, Button, Check, Choice, Trouble } from "@/ui/parts";
import { Icon, type IconName } from "@/ui/icon";
import { follow, type Impact, type NetworkPatch, type RadioPatch, type Station } from "@/views/wifi/data";

const t = s.wifi.impact;

export type Wish =
  | { kind: "network"; network: string; patch: NetworkPatch; revision?: number }
  | { kind: "radio"; radio: string; patch: RadioPatch };

interface Props {
  wish: Wish;
  /** One step back, to the form. */
  onBack: () => void;
  /** It is on its way. */
  onDone: () => void;
}

/** The report and the deed, inside a dialog. */
export function ImpactReport(props: Props) {
  return props.wish.kind === "network" ? <OfNetwork {...props} wish={props.wish} /> : <OfRadio {...props} wish={props.wish} />;
}

function OfNetwork({ wish, ...rest }: Props & { wish: Extract<Wish, { kind: "network" }> }) {
  const found = useAnswer("wifi.networks.preview", { network: wish.network, ...wish.patch });
  const stations = useAnswer("wifi.stations.list", {});
  const here = stations.data?.items.filter((each) => each.network === wish.network) ?? [];
  const send = (extra: Waits) =>
    call("wifi.networks.update", {
      network: wish.network,
      ...wish.patch,
      ...extra,
      ...(wish.revision !== undefined && { if_revision: wish.revision }),
    });
  return <Report found={found} stations={here} send={send} {...rest} />;
}

function OfRadio({ wish, ...rest }: Props & { wish: Extract<Wish, { kind: "radio" }> }) {
  const found = useAnswer("wifi.radios.preview", { radio: wish.radio, ...wish.patch });
  const send = ({ accept_risk: _, ...extra }: Waits) => call("wifi.radios.update", { radio: wish.radio, ...wish.patch, ...extra });
  return <Report found={found} stations={[]} send={send} {...rest} />;
}

interface Waits {
  confirm: "client" | "none";
  deadline_seconds: number;
  accept_risk: boolean;
}

interface ReportProps {
  found: ReturnType<typeof useAnswer<"wifi.networks.preview">>;
  stations: readonly Station[];
  send: (waits: Waits) => Promise<{ change: { id: string } }>;
  onBack: () => void;
  onDone: () => void;
}

function Report({ found, stations, send, onBack, onDone }: ReportProps) {
  // Whoever may be on this network has to come back to it; a technician with a cable need not.
  const [minutes, setMinutes] = useState(role.value === "technician" ? "0" : "5");
  const [accepted, accept] = useState(false);
  const impact = found.data?.impact;
  const risks = found.data?.risks ?? [];
  const quiet = impact?.step === "none";
  const act = useAct(async () => {
    const waits = quiet || minutes === "0" ? { confirm: "none" as const, deadline_seconds: 300 } : { confirm: "client" as const, deadline_seconds: Number(minutes) * 60 };
    const { change } = await send({ ...waits, accept_risk: accepted });
    follow(change.id);
    onDone();
  });
  return (
    <div class="stack">
      {!impact && !found.error && <Blank />}
      <Trouble error={found.error} />
      {impact && <Words impact={impact} stations={stations} />}
      {risks.map((risk) => (
        <div key={risk} class="note degraded" role="note">
          <p>{risk}</p>
        </div>
      ))}
      {risks.length > 0 && <Check label={t.accept} checked={accepted} onChange={accept} />}
      {impact && !quiet && (
        <Choice
          label={t.wait}
          hint={minutes === "0" ? t.waitNever : t.waitHint}
          value={minutes}
          onChange={setMinutes}
          options={[
            ["2", say(t.minutes, { n: 2 })],
            ["5", say(t.minutes, { n: 5 })],
            ["15", say(t.minutes, { n: 15 })],
            ["0", t.never],
          ]}
        />
      )}
      <Trouble error={act.error} />
      <div class="deeds">
        <Button onClick={onBack}>{s.common.back}</Button>
        <Button kind="first" busy={act.busy} disabled={!impact || (risks.length > 0 && !accepted)} onClick={() => act.run()}>
          {t.go}
        </Button>
      </div>
    </div>
  );
}

function Words({ impact, stations }: { impact: Impact; stations: readonly Station[] }) {
  const silent = impact.silent_seconds;
  const lines: [IconName, string][] = [
    [
      impact.stations_dropped ? "alert" : "check",
      impact.stations_dropped ? plural(impact.stations_dropped, t.drop, t.drops) : t.dropsNone,
    ],
    ["clock", silent >= 0.05 ? say(t.silent, { time: silent < 10 ? `${Number(silent.toFixed(1))} s` : duration(silent) }) : t.silentNone],
    ["key", impact.need_new_credentials ? t.credentials : t.credentialsNone],
    ["wifi", t.steps[impact.step]],
  ];
  return (
    <section class="wifi-impact" aria-label={t.title}>
      <p class="wifi-lead">{impact.summary}</p>
      <ul class="stack-s">
        {lines.map(([icon, text]) => (
          <li key={text}>
            <Icon name={icon} />
            <span>{text}</span>
          </li>
        ))}
      </ul>
      {impact.stations_dropped > 0 && stations.length > 0 && (
        <details>
          <summary>{t.who}</summary>
          <ul class="wifi-macs">
            {stations.map((station) => (
              <li key={station.mac}>
                <code>{station.mac}</code>
                {station.signal_dbm !== null && <span class="soft"> {station.signal_dbm} dBm</span>}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}
