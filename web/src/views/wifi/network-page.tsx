// One network in depth: its hours, its devices' own passwords, changing the password over in days.
import { useState } from "preact/hooks";
import { may } from "@/api/session";
import { go, href } from "@/router";
import { s } from "@/strings/strings";
import { Button, Card } from "@/ui/parts";
import { ShowCode } from "@/views/wifi/code";
import { bandWords, type Network } from "@/views/wifi/data";
import { Edit } from "@/views/wifi/edit";
import { Keys } from "@/views/wifi/keys";
import { Remove } from "@/views/wifi/networks";
import { Rotation } from "@/views/wifi/rotation";
import { Schedule } from "@/views/wifi/schedule";

const t = s.wifi.page;

export function NetworkPage({ network }: { network: Network }) {
  const [open, setOpen] = useState<"edit" | "remove" | null>(null);
  const n = s.wifi.networks;
  return (
    <>
      <div class="wifi-columns">
        <Card title={t.about}>
          <dl class="facts">
            <dt>{t.use}</dt>
            <dd>{n.roles[network.role as keyof typeof n.roles] ?? network.role}</dd>
            <dt>{s.wifi.edit.security}</dt>
            <dd>{s.wifi.securities[network.security]}</dd>
            <dt>{s.wifi.edit.bands}</dt>
            <dd>{bandWords(network.bands)}</dd>
            <dt>{t.seen}</dt>
            <dd>{network.hidden ? t.hidden : t.visible}</dd>
            <dt>{t.reach}</dt>
            <dd>{network.role === "guest" ? (network.isolated ? n.apart : n.notApart) : network.isolated ? t.apart : t.together}</dd>
          </dl>
          <div class="row">
            {may("wifi.networks.qr") && <ShowCode network={network} word={n.code} first />}
            {may("wifi.networks.update") && <Button onClick={() => setOpen("edit")}>{n.edit}</Button>}
            {may("wifi.networks.delete") && network.role !== "home" && (
              <Button kind="danger" onClick={() => setOpen("remove")}>
                {n.remove}
              </Button>
            )}
          </div>
        </Card>
        <Schedule network={network} />
        <Keys network={network} />
        <Rotation network={network} />
      </div>
      <p>
        <a href={href("wifi")}>{t.all}</a>
      </p>
      {open === "edit" && <Edit network={network} onClose={() => setOpen(null)} />}
      {open === "remove" && <Remove network={network} onClose={() => setOpen(null)} onDone={() => go("wifi")} />}
    </>
  );
}
