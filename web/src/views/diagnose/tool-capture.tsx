import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { useAct } from "@/api/use";
import { s, say } from "@/strings/strings";
import { size } from "@/ui/format";
import { Button, Card, Check, Choice, Field, Trouble } from "@/ui/parts";
import type { CaptureResult } from "./results";
import { useTool } from "./running";
import { saved } from "./save";
import { ToolForm, wrongOf } from "./tool-form";

const W = s.diagnose.tools;

/** Somebody of the household says yes each time: the tick is never kept. */
export function Capture() {
  const tool = useTool<CaptureResult, never, "diagnostics.capture">("diagnostics.capture");
  const [face, setFace] = useState("eth0");
  const [seconds, setSeconds] = useState("10");
  const [address, setAddress] = useState("");
  const [whole, setWhole] = useState(false);
  const [consent, setConsent] = useState(false);
  const fetching = useAct(async (capture: string) => {
    const { name, pcap } = await call("diagnostics.captures.get", { capture });
    const bytes = Uint8Array.from(atob(pcap), (each) => each.charCodeAt(0));
    saved(new Blob([bytes], { type: "application/vnd.tcpdump.pcap" }), name);
  });
  const found = tool.result;
  const begin = async () => {
    const given = { interface: face.trim(), seconds: Number(seconds), address: address.trim() || null, whole, consent };
    if (await tool.start.run(given)) setConsent(false);
  };
  return (
    <div class="diagnose-columns">
      <ToolForm kind="capture" tool={tool} fields={["interface", "address"]} begin={() => void begin()} ready={consent && face.trim() !== ""}>
        <Field
          label={W.interface}
          hint={W.interfaceHint}
          wrong={wrongOf(tool, "interface")}
          value={face}
          maxLength={15}
          autoCapitalize="none"
          autoComplete="off"
          onInput={(event) => setFace(event.currentTarget.value)}
        />
        <Choice label={W.howLong} value={seconds} onChange={setSeconds} options={Object.entries(W.lengths)} />
        <Field
          label={W.only}
          wrong={wrongOf(tool, "address")}
          value={address}
          autoComplete="off"
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
        <div>
          <Check label={W.whole} checked={whole} onChange={setWhole} disabled={tool.running} />
          <Check label={W.consent} checked={consent} onChange={setConsent} disabled={tool.running} />
        </div>
      </ToolForm>
      {found && (
        <Card title={found.interface}>
          <p>{say(W.captured, { packets: found.packets, size: size(found.bytes) })}</p>
          <div class="diagnose-deeds">
            <Button icon="down" busy={fetching.busy} onClick={() => void fetching.run(found.capture)}>
              {W.download}
            </Button>
          </div>
          <Trouble error={fetching.error} />
        </Card>
      )}
    </div>
  );
}
