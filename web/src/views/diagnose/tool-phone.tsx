import { useState } from "preact/hooks";
import { s, say } from "@/strings/strings";
import { Card, Field, Pill } from "@/ui/parts";
import type { PhoneReport } from "./results";
import { useTool } from "./running";
import { ms, ToolForm, wrongOf } from "./tool-form";

const W = s.diagnose.tools;

export function Phone() {
  const tool = useTool<PhoneReport, PhoneReport, "diagnostics.phone">("diagnostics.phone");
  const [server, setServer] = useState("");
  const found = tool.result;
  const well = found?.outcome === "registered" || found?.outcome === "alive";
  return (
    <div class="diagnose-columns">
      <ToolForm kind="phone" tool={tool} fields={["server"]} begin={() => void tool.start.run({ server: server.trim() || null })}>
        <Field
          label={W.phoneServer}
          hint={W.phoneHint}
          wrong={wrongOf(tool, "server")}
          value={server}
          autoCapitalize="none"
          autoComplete="off"
          spellcheck={false}
          onInput={(event) => setServer(event.currentTarget.value)}
        />
      </ToolForm>
      {found && (
        <Card title={found.server} side={<Pill state={well ? "ok" : "down"}>{well ? W.works : W.broken}</Pill>}>
          <p>{found.sentence}</p>
          <p class="soft small">
            {say(W.phoneOver, { method: found.method, transport: found.transport.toUpperCase(), ms: ms(found.ms) })}
          </p>
        </Card>
      )}
    </div>
  );
}
