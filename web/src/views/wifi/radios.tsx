// A radio of the box: what it is, and another channel or width for it.
import { useState } from "preact/hooks";
import { s, say } from "@/strings/strings";
import { Button, Choice, Dialog } from "@/ui/parts";
import type { Radio, RadioPatch } from "@/views/wifi/data";
import { ImpactReport } from "@/views/wifi/impact";

const t = s.wifi.radio;

export function RadioFacts({ radio }: { radio: Radio }) {
  return (
    <>
      <dl class="facts">
        <dt>{t.channel}</dt>
        <dd>{radio.channel === null ? t.silent : radio.automatic ? say(t.automatic, { n: radio.channel }) : radio.channel}</dd>
        {radio.width !== null && (
          <>
            <dt>{t.width}</dt>
            <dd>{say(t.mhz, { n: radio.width })}</dd>
          </>
        )}
        {radio.country && (
          <>
            <dt>{t.country}</dt>
            <dd>{radio.country}</dd>
          </>
        )}
        <dt>{t.driver}</dt>
        <dd>{radio.driver}</dd>
      </dl>
      {radio.note && <p class="soft small">{radio.note}</p>}
    </>
  );
}

export function Tune({ radio, wish, onClose }: { radio: Radio; wish: { channel?: number }; onClose: () => void }) {
  const now = radio.automatic || radio.channel === null ? "auto" : String(radio.channel);
  const [channel, setChannel] = useState(wish.channel === undefined ? now : String(wish.channel));
  const [width, setWidth] = useState(String(radio.width ?? 20));
  const [asked, ask] = useState(wish.channel !== undefined);
  const possible = radio.channels.filter((each) => each.band === radio.band && each.allowed);
  const chosen = possible.find((each) => String(each.number) === channel);
  const widths = chosen?.widths ?? [...new Set(possible.flatMap((each) => each.widths))].sort((one, other) => one - other);
  const patch: RadioPatch = {
    ...(channel !== now && { channel: channel === "auto" ? ("auto" as const) : Number(channel) }),
    ...(width !== String(radio.width ?? 20) && { width: Number(width) }),
  };
  return (
    <Dialog title={asked ? s.wifi.impact.title : say(t.title, { band: radio.band })} onClose={onClose}>
      {asked ? (
        <ImpactReport wish={{ kind: "radio", radio: radio.id, patch }} onBack={() => ask(false)} onDone={onClose} />
      ) : (
        <>
          <Choice
            label={t.channel}
            value={channel}
            onChange={setChannel}
            {...(chosen?.radar && { hint: t.radar })}
            options={[["auto", t.auto], ...possible.map((each) => [String(each.number), each.radar ? say(t.withRadar, { n: each.number }) : String(each.number)] as const)]}
          />
          <Choice label={t.width} value={width} onChange={setWidth} options={(widths.length ? widths : [20]).map((each) => [String(each), say(t.mhz, { n: each })] as const)} />
          <div class="deeds">
            <Button onClick={onClose}>{s.common.cancel}</Button>
            <Button kind="first" disabled={Object.keys(patch).length === 0} onClick={() => ask(true)}>
              {s.wifi.edit.next}
            </Button>
          </div>
        </>
      )}
    </Dialog>
  );
}
