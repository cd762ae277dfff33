// The QR code that phones join by, and the password in letters. Both are secrets: asked for only when wanted.
import { useEffect, useState } from "preact/hooks";
import { call, Refusal, Unreachable } from "@/api/call";
import { s, say } from "@/strings/strings";
import { Blank, Button, Dialog, Trouble } from "@/ui/parts";
import { Qr } from "@/ui/qr";
import { toast } from "@/ui/toast";
import type { Network } from "@/views/wifi/data";

const t = s.wifi.code;

/** A button that opens the code of a network. */
export function ShowCode({ network, word, first }: { network: Network; word: string; first?: boolean }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <div>
        <Button icon="qr" kind={first ? "first" : "quiet"} class={first ? "" : "wifi-flush"} onClick={() => setOpen(true)}>
          {word}
        </Button>
      </div>
      {open && <Code network={network} onClose={() => setOpen(false)} />}
    </>
  );
}

interface Known {
  drawing: string;
  passphrase: string | null;
}

/** The code of a network; the box may ask for a proof first. */
function Code({ network, onClose }: { network: Network; onClose: () => void }) {
  const [known, set] = useState<Known | null>(null);
  const [error, setError] = useState<Refusal | Unreachable | null>(null);
  const [turn, again] = useState(0);
  useEffect(() => {
    let here = true;
    setError(null);
    read(network.id).then(
      (found) => here && set(found),
      (reason: unknown) => {
        if (!(reason instanceof Refusal || reason instanceof Unreachable)) throw reason;
        if (here) setError(reason);
      },
    );
    return () => {
      here = false;
    };
  }, [network.id, network.revision, turn]);
  return (
    <Dialog title={say(t.title, { name: network.ssid })} onClose={onClose}>
      {error && <Trouble error={error} retry={() => again(turn + 1)} />}
      {!known && !error && <Blank lines={4} />}
      {known && <Poster drawing={known.drawing} ssid={network.ssid} passphrase={known.passphrase} />}
      <div class="deeds">
        {known && (
          <Button icon="print" onClick={() => print()}>
            {t.print}
          </Button>
        )}
        <Button onClick={onClose}>{s.common.close}</Button>
      </div>
    </Dialog>
  );
}

async function read(network: string): Promise<Known> {
  const code = await call("wifi.networks.qr", { network, format: "svg" });
  const { passphrase } = await call("wifi.networks.reveal", { network });
  return { drawing: code.data, passphrase };
}

/** What hangs on the fridge. */
export function Poster({ drawing, ssid, passphrase }: { drawing: string; ssid: string; passphrase: string | null }) {
  return (
    <div class="wifi-poster">
      <Qr svg={drawing} label={say(t.label, { name: ssid })} />
      <p class="soft">{t.how}</p>
      <dl class="facts">
        <dt>{t.name}</dt>
        <dd>{ssid}</dd>
        <dt>{t.password}</dt>
        <dd>{passphrase === null ? t.none : <code class="wifi-secret">{passphrase}</code>}</dd>
      </dl>
      {passphrase !== null && (
        <div class="no-print">
          <Button kind="quiet" onClick={() => navigator.clipboard.writeText(passphrase).then(() => toast(s.common.copied))}>
            {t.copy}
          </Button>
        </div>
      )}
    </div>
  );
}
