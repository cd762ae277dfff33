import { useState } from "preact/hooks";
import { s } from "@/strings/strings";
import { Icon } from "@/ui/icon";
import { Card, Choice, Field, Pill } from "@/ui/parts";
import type { ProbeResult } from "./results";
import { useTool } from "./running";
import { ms, ToolForm, useTarget, wrongOf } from "./tool-form";

const W = s.diagnose.tools;
type Kind = keyof typeof W.probeKinds;

export function Probe() {
  const tool = useTool<ProbeResult, ProbeResult, "diagnostics.probe">("diagnostics.probe");
  const [target, field] = useTarget(tool);
  const [kind, setKind] = useState<Kind>("https");
  const [port, setPort] = useState("");
  const found = tool.result ?? tool.partials.at(-1);
  return (
    <div class="diagnose-columns">
      <ToolForm
        kind="probe"
        tool={tool}
        fields={["target", "port"]}
        begin={() => void tool.start.run({ target, kind, ...(port ? { port: Number(port) } : kind === "tcp" ? { port: 443 } : {}) })}
      >
        {field}
        <Choice label={W.kind} value={kind} onChange={(value) => setKind(value as Kind)} options={Object.entries(W.probeKinds)} />
        <Field
          label={W.port}
          hint={W.portHint}
          wrong={wrongOf(tool, "port")}
          type="number"
          min={1}
          max={65535}
          value={port}
          onInput={(event) => setPort(event.currentTarget.value)}
        />
      </ToolForm>
      {found && (
        <Card title={found.target} {...(tool.running ? {} : { side: <Pill state={found.ok ? "ok" : "down"}>{found.ok ? W.works : W.broken}</Pill> })}>
          <ol class="list">
            {found.steps.map((each) => (
              <li key={each.step} class="diagnose-step">
                <span class={`diagnose-light ${each.ok ? "ok" : "failed"}`} aria-hidden="true">
                  <Icon name={each.ok ? "check" : "cross"} size={16} />
                </span>
                <span class="diagnose-grow">
                  {W.steps[each.step]}
                  {each.detail && <span class="diagnose-block soft small">{each.detail}</span>}
                </span>
                <span class="soft">{ms(each.ms)}</span>
              </li>
            ))}
          </ol>
          <dl class="facts">
            {found.address && (
              <>
                <dt>{W.target}</dt>
                <dd class="mono">{`${found.address} ${found.port}`}</dd>
              </>
            )}
            {found.certificate && (
              <>
                <dt>{W.certificate}</dt>
                <dd>{`${found.certificate.subject} (${found.certificate.issuer}) ${found.certificate.reason ?? ""}`}</dd>
              </>
            )}
          </dl>
        </Card>
      )}
    </div>
  );
}
