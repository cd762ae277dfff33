import { useState } from "preact/hooks";
import { s, say } from "@/strings/strings";
import { duration } from "@/ui/format";
import { Card, Choice, Field } from "@/ui/parts";
import type { LookupResult } from "./results";
import { useTool } from "./running";
import { ms, ToolForm, useTarget, wrongOf } from "./tool-form";

const W = s.diagnose.tools;
const TYPES = ["A", "AAAA", "MX", "TXT", "CNAME", "NS", "PTR", "SRV", "HTTPS", "SOA", "CAA"] as const;
type Type = (typeof TYPES)[number];

export function Lookup() {
  const tool = useTool<LookupResult, LookupResult, "diagnostics.lookup">("diagnostics.lookup");
  const [name, field] = useTarget(tool);
  const [type, setType] = useState<Type>("A");
  const [resolver, setResolver] = useState("");
  const found = tool.result;
  return (
    <div class="diagnose-columns">
      <ToolForm
        kind="lookup"
        tool={tool}
        fields={["name", "resolver"]}
        begin={() => void tool.start.run({ name, type, resolver: resolver.trim() || null })}
      >
        {field}
        <Choice label={W.type} value={type} onChange={(value) => setType(value as Type)} options={TYPES.map((each) => [each, each])} />
        <Field
          label={W.resolver}
          hint={W.resolverHint}
          wrong={wrongOf(tool, "resolver")}
          value={resolver}
          autoComplete="off"
          inputMode="url"
          onInput={(event) => setResolver(event.currentTarget.value)}
        />
      </ToolForm>
      {found && (
        <Card title={found.name}>
          <p>
            {found.code
              ? say(W.asked, { resolver: found.resolver, code: found.code, ms: ms(found.ms) })
              : say(W.notAsked, { resolver: found.resolver, what: W.outcomes[found.outcome] })}
          </p>
          {found.records.length === 0 ? (
            <p class="soft">{W.noRecords}</p>
          ) : (
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th scope="col">{W.type}</th>
                    <th scope="col">{W.record}</th>
                    <th scope="col">{W.ttl}</th>
                  </tr>
                </thead>
                <tbody>
                  {found.records.map((each, row) => (
                    <tr key={row}>
                      <td>{each.type}</td>
                      <td class="mono">{each.data}</td>
                      <td>{duration(each.ttl)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Card>
      )}
    </div>
  );
}
