// Changing the password over in days: old and new both work until it is finished.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { may } from "@/api/session";
import { useAct, useAnswer } from "@/api/use";
import { plural, s, say } from "@/strings/strings";
import { ago, moment } from "@/ui/format";
import { Blank, Button, Card, Choice, Dialog, Pill, Trouble } from "@/ui/parts";
import { follow, type Network } from "@/views/wifi/data";
import { Password, unfit } from "@/views/wifi/edit";

const t = s.wifi.rotation;

export function Rotation({ network }: { network: Network }) {
  const state = useAnswer("wifi.rotation.get", { network: network.id }, ["wifi.*"]);
  const [open, setOpen] = useState<"start" | "finish" | null>(null);
  const write = may("wifi.rotation.start");
  const active = state.data?.active ?? false;
  if (network.security !== "wpa2" && !active) return null; // with WPA3 there is one password only
  const left = state.data?.devices ?? [];
  return (
    <Card title={t.title} side={active ? <Pill state="degraded">{t.active}</Pill> : undefined}>
      <p class="soft">{active && state.data?.ends ? say(t.ends, { time: moment(state.data.ends) }) : t.why}</p>
      <Trouble error={state.error} retry={state.reload} />
      {state.loading && <Blank lines={2} />}
      {active && (
        <>
          <p>{left.length ? plural(left.length, t.one, t.many) : t.nobody}</p>
          <ul class="wifi-macs">
            {left.map((device) => (
              <li key={device.mac}>
                <code>{device.mac}</code>{" "}
                <span class="soft small">{device.connected ? t.here : device.last_joined ? ago(device.last_joined) : ""}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {write && (
        <div>
          <Button onClick={() => setOpen(active ? "finish" : "start")}>{active ? t.finish : t.start}</Button>
        </div>
      )}
      {open === "start" && <Start network={network} onClose={() => setOpen(null)} onDone={state.reload} />}
      {open === "finish" && <Finish network={network} left={left.length} onClose={() => setOpen(null)} onDone={state.reload} />}
    </Card>
  );
}

interface Closing {
  network: Network;
  onClose: () => void;
  onDone: () => void;
}

function Start({ network, onClose, onDone }: Closing) {
  const [words, setWords] = useState("");
  const [days, setDays] = useState("7");
  const act = useAct(async () => {
    const { change } = await call("wifi.rotation.start", { network: network.id, days: Number(days), ...(words && { passphrase: words }) });
    follow(change.id);
    onDone();
    onClose();
  });
  const wrong = words ? unfit(words) : null;
  return (
    <Dialog
      title={t.start}
      onClose={onClose}
      deeds={
        <>
          <Button onClick={onClose}>{s.common.cancel}</Button>
          <Button kind="first" busy={act.busy} disabled={!!wrong} onClick={() => act.run()}>
            {t.start}
          </Button>
        </>
      }
    >
      <Password words={words} wrong={wrong} needed={false} hint={s.wifi.guest.passwordHint} onInput={setWords} />
      <Choice
        label={t.days}
        value={days}
        onChange={setDays}
        options={["2", "7", "14", "30"].map((each) => [each, say(t.nDays, { n: each })] as const)}
      />
      <p class="soft">{t.means}</p>
      <Trouble error={act.error} />
    </Dialog>
  );
}

function Finish({ network, left, onClose, onDone }: Closing & { left: number }) {
  const act = useAct(async () => {
    const { change } = await call("wifi.rotation.finish", { network: network.id });
    follow(change.id);
    onDone();
    onClose();
  });
  return (
    <Dialog
      title={t.finish}
      onClose={onClose}
      deeds={
        <>
          <Button onClick={onClose}>{s.common.cancel}</Button>
          <Button kind="first" busy={act.busy} onClick={() => act.run()}>
            {t.finish}
          </Button>
        </>
      }
    >
      <p>{left ? plural(left, t.finishOne, t.finishMany) : t.finishNobody}</p>
      <Trouble error={act.error} />
    </Dialog>
  );
}
