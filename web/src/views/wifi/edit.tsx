// Change a network: what shall be different, then what that does, then the deed.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Button, Check, Choice, Dialog, Field, Trouble } from "@/ui/parts";
import { bandWords, type Band, nameBytes, type Network, type NetworkPatch, type Security, worth } from "@/views/wifi/data";
import { ImpactReport } from "@/views/wifi/impact";

const t = s.wifi.edit;
const SECURITIES: readonly Security[] = ["wpa2", "wpa2-wpa3", "wpa3", "owe", "open"];
const hasPassword = (security: Security) => security !== "owe" && security !== "open";

export function Edit({ network, onClose }: { network: Network; onClose: () => void }) {
  const [wish, setWish] = useState<NetworkPatch>({});
  const [asked, ask] = useState(false);
  return (
    <Dialog title={asked ? s.wifi.impact.title : say(t.title, { name: network.ssid })} onClose={onClose}>
      {asked ? (
        <ImpactReport
          wish={{ kind: "network", network: network.id, patch: wish, revision: network.revision }}
          onBack={() => ask(false)}
          onDone={onClose}
        />
      ) : (
        <Form network={network} wish={wish} change={setWish} onCancel={onClose} onNext={() => ask(true)} />
      )}
    </Dialog>
  );
}

interface FormProps {
  network: Network;
  wish: NetworkPatch;
  change: (wish: NetworkPatch) => void;
  onCancel: () => void;
  onNext: () => void;
}

function Form({ network, wish, change, onCancel, onNext }: FormProps) {
  const radios = useAnswer("wifi.radios.list", {});
  const possible = [...new Set(radios.data?.items.map((radio) => radio.band) ?? network.bands)];
  const ssid = wish.ssid ?? network.ssid;
  const security = (wish.security ?? network.security) as Security;
  const bands = wish.bands ?? network.bands;
  const words = wish.passphrase ?? "";
  const needed = hasPassword(security) && !hasPassword(network.security);
  const put = (given: NetworkPatch) => change(differing(network, { ...wish, ...given }));
  const wrongName = nameBytes(ssid) > 32 ? say(t.nameLong, { n: nameBytes(ssid) }) : null;
  const wrong = words ? unfit(words) : needed ? t.passwordNeeded : null;
  const nothing = Object.keys(wish).length === 0;
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onNext();
      }}
    >
      <Field
        label={t.name}
        value={ssid}
        wrong={wrongName}
        hint={ssid === network.ssid ? undefined : t.nameHint}
        required
        autoComplete="off"
        onInput={(event) => put({ ssid: event.currentTarget.value })}
      />
      {hasPassword(security) && (
        <Password words={words} wrong={words ? wrong : null} needed={needed} onInput={(passphrase) => put({ passphrase })} />
      )}
      <details class="wifi-more">
        <summary>{t.more}</summary>
        <div class="stack">
          <Choice
            label={t.security}
            hint={t.securityHints[security]}
            value={security}
            onChange={(value) => put({ security: value })}
            options={SECURITIES.map((each) => [each, s.wifi.securities[each]])}
          />
          <fieldset class="field">
            <legend>{t.bands}</legend>
            {possible.map((band) => (
              <Check
                key={band}
                label={bandWords([band])}
                checked={bands.includes(band)}
                onChange={(on) => put({ bands: toggled(possible, bands, band, on) })}
              />
            ))}
          </fieldset>
          <div>
            <Check label={t.hidden} checked={wish.hidden ?? network.hidden} onChange={(hidden) => put({ hidden })} />
            <Check label={t.isolated} checked={wish.isolated ?? network.isolated} onChange={(isolated) => put({ isolated })} />
          </div>
        </div>
      </details>
      <div class="deeds">
        <Button onClick={onCancel}>{s.common.cancel}</Button>
        <Button type="submit" kind="first" disabled={nothing || !!wrongName || !ssid || !!wrong || bands.length === 0}>
          {t.next}
        </Button>
      </div>
    </form>
  );
}

/** A field for a new password, with a strong one for the asking. */
export function Password(props: { words: string; wrong: string | null; needed: boolean; hint?: string; onInput: (words: string) => void }) {
  const suggest = useAct(async () => props.onInput((await call("wifi.passphrase.suggest", {})).passphrase));
  const strength = props.words && !props.wrong ? (worth(props.words) as "weak" | "fair" | "strong") : null;
  return (
    <div class="stack-s">
      <Field
        label={t.password}
        class="mono"
        value={props.words}
        wrong={props.wrong}
        hint={strength ? t.strengths[strength] : props.needed ? t.passwordNeeded : (props.hint ?? t.passwordHint)}
        autoComplete="off"
        autoCapitalize="none"
        spellcheck={false}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {strength && <div class={`wifi-strength ${strength}`} aria-hidden="true" />}
      <div>
        <Button kind="quiet" icon="key" class="wifi-flush" busy={suggest.busy} onClick={() => suggest.run()}>
          {t.suggest}
        </Button>
      </div>
      <Trouble error={suggest.error} />
    </div>
  );
}

/** Why these words cannot be a password, or nothing. */
export function unfit(words: string): string | null {
  const found = worth(words);
  if (found === "short" || found === "long") return say(t.unfit[found], { n: words.length });
  return found === "signs" ? t.unfit.signs : null;
}

function toggled(possible: readonly Band[], bands: readonly Band[], band: Band, on: boolean): Band[] {
  return possible.filter((each) => (each === band ? on : bands.includes(each)));
}

/** Only what differs from the network as it is. */
export function differing(network: Network, wish: NetworkPatch): NetworkPatch {
  const own: Record<string, unknown> = { ...network };
  return Object.fromEntries(
    Object.entries(wish).filter(([name, value]) =>
      name === "passphrase" ? value !== "" : JSON.stringify(value) !== JSON.stringify(own[name]),
    ),
  );
}
