// Passwords of single devices: one can be taken away and nobody else notices.
import { useState } from "preact/hooks";
import { type Answer, call } from "@/api/call";
import { may } from "@/api/session";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { ago, moment } from "@/ui/format";
import { Confirm } from "@/ui/confirm";
import { Blank, Button, Card, Dialog, Field, Form, Pill, Trouble, wrongField } from "@/ui/parts";
import { Poster } from "@/views/wifi/code";
import { follow, type Key, type Network } from "@/views/wifi/data";

const t = s.wifi.keys;

export function Keys({ network }: { network: Network }) {
  const keys = useAnswer("wifi.keys.list", { network: network.id }, ["wifi.changed", "wifi.station_joined"]);
  const [open, setOpen] = useState<"make" | Key | null>(null);
  const items = keys.data?.items.filter((key) => !key.revoked) ?? [];
  const write = may("wifi.keys.create");
  return (
    <Card title={t.title}>
      <p class="soft">{t.why}</p>
      <Trouble error={keys.error} retry={keys.reload} />
      {keys.loading && <Blank />}
      {items.length > 0 && (
        <ul class="list">
          {items.map((key) => (
            <li key={key.id} class="spread">
              <div class="wifi-key">
                <strong>{key.label}</strong>
                <span class="soft small">{key.last_seen ? say(t.seen, { when: ago(key.last_seen) }) : say(t.made, { when: moment(key.created) })}</span>
              </div>
              <div class="row">
                {key.connected > 0 && <Pill state="ok">{t.here}</Pill>}
                {write && (
                  <Button onClick={() => setOpen(key)} aria-label={say(t.revokeOf, { name: key.label })}>
                    {t.revoke}
                  </Button>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
      {keys.data && items.length === 0 && <p>{network.security === "wpa2" ? t.empty : t.unsupported}</p>}
      {write && network.security === "wpa2" && (
        <div>
          <Button icon="plus" onClick={() => setOpen("make")}>
            {t.make}
          </Button>
        </div>
      )}
      {open === "make" && <Make network={network} onClose={() => setOpen(null)} onDone={keys.reload} />}
      {open && open !== "make" && <Revoke network={network} wanted={open} onClose={() => setOpen(null)} onDone={keys.reload} />}
    </Card>
  );
}

function Make({ network, onClose, onDone }: { network: Network; onClose: () => void; onDone: () => void }) {
  const [label, setLabel] = useState("");
  const [made, setMade] = useState<Answer<"wifi.keys.create"> | null>(null);
  const act = useAct(async () => {
    const answer = await call("wifi.keys.create", { network: network.id, label });
    setMade(answer);
    onDone();
  });
  if (made) {
    return (
      <Dialog title={say(t.madeFor, { name: made.key.label })} onClose={onClose} deeds={<Button onClick={onClose}>{s.common.close}</Button>}>
        <p>{t.once}</p>
        <Poster drawing={made.qr} ssid={network.ssid} passphrase={made.passphrase} />
      </Dialog>
    );
  }
  return (
    <Dialog title={t.make} onClose={onClose}>
      <Form act={act}>
        <Field
          label={t.label}
          hint={t.labelHint}
          value={label}
          wrong={wrongField(act.error, "label")}
          required
          maxLength={64}
          autoComplete="off"
          onInput={(event) => setLabel(event.currentTarget.value)}
        />
        <Trouble error={act.error} />
        <div class="deeds">
          <Button onClick={onClose}>{s.common.cancel}</Button>
          <Button type="submit" kind="first" busy={act.busy} disabled={!label.trim()}>
            {t.make}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}

function Revoke({ network, wanted, onClose, onDone }: { network: Network; wanted: Key; onClose: () => void; onDone: () => void }) {
  const run = async () => {
    const { change } = await call("wifi.keys.revoke", { network: network.id, key: wanted.id });
    follow(change.id);
    onDone();
  };
  return <Confirm title={say(t.revokeOf, { name: wanted.label })} consequence={t.revokeMeans} yes={t.revoke} run={run} onClose={onClose} />;
}
