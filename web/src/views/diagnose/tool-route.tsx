import { s, say } from "@/strings/strings";
import { Card } from "@/ui/parts";
import type { Hop, TracerouteResult } from "./results";
import { useTool } from "./running";
import { ms, percent, ToolForm, useTarget } from "./tool-form";

const W = s.diagnose.tools;

export function Route() {
  const tool = useTool<TracerouteResult, TracerouteResult, "diagnostics.traceroute">("diagnostics.traceroute");
  const [target, field] = useTarget(tool);
  const found = tool.result ?? tool.partials.at(-1);
  return (
    <div class="diagnose-columns">
      <ToolForm kind="traceroute" tool={tool} fields={["target"]} begin={() => void tool.start.run({ target, names: true })}>
        {field}
      </ToolForm>
      {found && (
        <Card title={found.target}>
          <div class="scroll">
            <table class="diagnose-hops">
              <thead>
                <tr>
                  <th scope="col">{W.hop}</th>
                  <th scope="col">{W.who}</th>
                  <th scope="col">{W.loss}</th>
                  <th scope="col">{W.mean}</th>
                </tr>
              </thead>
              <tbody>
                {found.hops.map((hop) => (
                  <Row key={hop.hop} hop={hop} />
                ))}
              </tbody>
            </table>
          </div>
          {!tool.running && <p>{found.reached ? say(W.reached, { address: found.address }) : W.notReached}</p>}
          <p class="soft small">{W.thrift}</p>
        </Card>
      )}
    </div>
  );
}

function Row({ hop }: { hop: Hop }) {
  return (
    <tr>
      <td>{hop.hop}</td>
      <td>
        {hop.name && <span class="diagnose-block">{hop.name}</span>}
        {hop.addresses.length ? <span class="mono soft">{hop.addresses.join(" ")}</span> : <span class="soft">{W.silent}</span>}
      </td>
      <td>
        {percent(hop.loss)}
        <span class="diagnose-bar bad" aria-hidden="true">
          <span style={{ width: `${hop.loss * 100}%` }} />
        </span>
      </td>
      <td>{ms(hop.mean_ms)}</td>
    </tr>
  );
}
