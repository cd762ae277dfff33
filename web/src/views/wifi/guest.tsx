// A network for guests: one deed, and it ends by itself.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { useAct } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Button, Card, Choice, Dialog, Field, Form, Trouble, wrongField } from "@/ui/parts";
import { follow, nameBytes } from "@/views/wifi/data";
import { Password, unfit } from "@/views/wifi/edit";
import { STAYS } from "@/views/wifi/networks";

const t = s.wifi.guest;

export function GuestCard({ home, reload }: { home: string; reload: () => void }) {
  const [open, setOpen] = useState(false);
  return (
    <Card title={t.title} class="wifi-network">
      <p class="soft">{t.why}</p>
      <div>
        <Button icon="plus" onClick={() => setOpen(true)}>
          {t.make}
        </Button>
      </div>
      {open && <Make home={home} onClose={() => setOpen(false)} onDone={reload} />}
    </Card>
  );
}

function Make({ home, onClose, onDone }: { home: string; onClose: () => void; onDone: () => void }) {
  const [ssid, setSsid] = useState("");
  const [words, setWords] = useState("");
  const [stay, setStay] = useState("86400");
  const act = useAct(async () => {
    const { change } = await call("wifi.networks.create", {
      role: "guest",
      ...(ssid && { ssid }),
      ...(words && { passphrase: words }),
      ...(stay && { for_seconds: Number(stay) }),
    });
    follow(change.id);
    onDone();
    onClose();
  });
  const wrong = words ? unfit(words) : null;
  return (
    <Dialog title={t.make} onClose={onClose}>
      <Form act={act}>
        <Field
          label={s.wifi.edit.name}
          placeholder={`${home} Guest`}
          value={ssid}
          wrong={nameBytes(ssid) > 32 ? say(s.wifi.edit.nameLong, { n: nameBytes(ssid) }) : wrongField(act.error, "ssid")}
          autoComplete="off"
          onInput={(event) => setSsid(event.currentTarget.value)}
        />
        <Password words={words} wrong={wrong} needed={false} onInput={setWords} hint={t.passwordHint} />
        <Choice label={s.wifi.networks.stay} value={stay} onChange={setStay} options={STAYS} />
        <p class="soft">{t.apart}</p>
        <Trouble error={act.error} />
        <div class="deeds">
          <Button onClick={onClose}>{s.common.cancel}</Button>
          <Button type="submit" kind="first" busy={act.busy} disabled={!!wrong || nameBytes(ssid) > 32}>
            {t.make}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
