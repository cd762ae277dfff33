// The networks of the house, the home one first, and guests'.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { may } from "@/api/session";
import { useAct } from "@/api/use";
import { href } from "@/router";
import { plural, s, say } from "@/strings/strings";
import { moment } from "@/ui/format";
import { Confirm } from "@/ui/confirm";
import { Button, Card, Choice, Dialog, Pill, Trouble } from "@/ui/parts";
import { toast } from "@/ui/toast";
import { ShowCode } from "@/views/wifi/code";
import { bandWords, follow, type Network, networkState, type Station } from "@/views/wifi/data";
import { Edit } from "@/views/wifi/edit";
import { ImpactReport } from "@/views/wifi/impact";

const t = s.wifi.networks;

export function NetworkCard({ network, stations, reload }: { network: Network; stations: readonly Station[] | null; reload: () => void }) {
  const [open, setOpen] = useState<"edit" | "switch" | null>(null);
  const here = stations?.filter((station) => station.network === network.id).length;
  const guest = network.role === "guest";
  return (
    <Card title={network.ssid} class="wifi-network" side={<Pill state={networkState(network)}>{t.states[network.state]}</Pill>}>
      <p class="soft">
        {[
          t.roles[network.role as keyof typeof t.roles] ?? network.role,
          bandWords(network.bands),
          s.wifi.securities[network.security],
          network.hidden && t.hidden,
        ]
          .filter(Boolean)
          .join(" · ")}
      </p>
      {network.off && <p>{t.off[network.off]}</p>}
      {guest && <p>{network.isolated ? t.apart : t.notApart}</p>}
      {network.expires && <p>{say(t.ends, { time: moment(network.expires) })}</p>}
      {here !== undefined && network.state !== "off" && (
        <p>
          <a href={href("wifi", "devices")}>{here ? plural(here, t.one, t.many) : t.nobody}</a>
        </p>
      )}
      <div class="row">
        {may("wifi.networks.qr") && <ShowCode network={network} word={t.code} first />}
        {may("wifi.networks.update") && (
          <>
            <Button onClick={() => setOpen("edit")}>{t.edit}</Button>
            <Button onClick={() => setOpen("switch")}>{network.enabled ? t.switchOff : t.switchOn}</Button>
          </>
        )}
        <a class="button" href={href("wifi", "network", network.id)} aria-label={say(t.moreOf, { name: network.ssid })}>
          {s.common.more}
        </a>
      </div>
      {guest && may("wifi.networks.update") && network.enabled && <Longer network={network} reload={reload} />}
      {open === "edit" && <Edit network={network} onClose={() => setOpen(null)} />}
      {open === "switch" && (
        <Dialog title={say(network.enabled ? t.switchOffOf : t.switchOnOf, { name: network.ssid })} onClose={() => setOpen(null)}>
          <ImpactReport
            wish={{ kind: "network", network: network.id, patch: { enabled: !network.enabled }, revision: network.revision }}
            onBack={() => setOpen(null)}
            onDone={() => setOpen(null)}
          />
        </Dialog>
      )}
    </Card>
  );
}

/** For how long guests are welcome, in seconds; "" is until it is switched off. */
export const STAYS: readonly (readonly [string, string])[] = [
  ["14400", t.stays.hours],
  ["86400", t.stays.day],
  ["259200", t.stays.weekend],
  ["604800", t.stays.week],
  ["", t.stays.open],
];

function Longer({ network, reload }: { network: Network; reload: () => void }) {
  const act = useAct(async (seconds: string) => {
    await call("wifi.networks.update", { network: network.id, for_seconds: seconds ? Number(seconds) : null });
    toast(t.staySaved);
    reload();
  });
  return (
    <>
      <Choice
        label={t.stay}
        value="keep"
        disabled={act.busy}
        onChange={(value) => value !== "keep" && act.run(value)}
        options={[["keep", network.expires ? say(t.until, { time: moment(network.expires) }) : t.stays.open], ...STAYS.filter(([seconds]) => seconds || network.expires)]}
      />
      <Trouble error={act.error} />
    </>
  );
}

/** The end of a network: said once with what it means. */
export function Remove({ network, onClose, onDone }: { network: Network; onClose: () => void; onDone: () => void }) {
  const run = async () => {
    const { change } = await call("wifi.networks.delete", { network: network.id, if_revision: network.revision });
    follow(change.id);
    onDone();
  };
  return <Confirm title={say(t.removeOf, { name: network.ssid })} consequence={t.removeMeans} yes={t.remove} run={run} onClose={onClose} />;
}
