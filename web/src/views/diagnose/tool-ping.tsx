import { useState } from "preact/hooks";
import { s, say } from "@/strings/strings";
import { Card, Choice } from "@/ui/parts";
import type { PingResult } from "./results";
import { useTool } from "./running";
import { ms, percent, ToolForm, useTarget } from "./tool-form";

const W = s.diagnose.tools;
const SHOWN = 60;

export function Ping() {
  const tool = useTool<PingResult, PingResult, "diagnostics.ping">("diagnostics.ping");
  const [target, field] = useTarget(tool);
  const [count, setCount] = useState("10");
  const found = tool.result ?? tool.partials.at(-1);
  return (
    <div class="diagnose-columns">
      <ToolForm kind="ping" tool={tool} fields={["target"]} begin={() => void tool.start.run({ target, count: Number(count) })}>
        {field}
        <Choice label={W.count} value={count} onChange={setCount} options={Object.entries(W.counts)} />
      </ToolForm>
      {found && (
        <Card title={found.target}>
          {found.address !== found.target && <p class="mono soft">{found.address}</p>}
          <Bars found={found} />
          <dl class="diagnose-tiles">
            {(
              [
                [W.lost, percent(found.loss), found.loss > 0],
                [W.median, ms(found.median_ms), false],
                [W.worst, ms(found.max_ms), false],
                [W.jitter, ms(found.jitter_ms), false],
              ] as const
            ).map(([name, value, bad]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd class={bad ? "bad" : ""}>{value}</dd>
              </div>
            ))}
          </dl>
        </Card>
      )}
    </div>
  );
}

/** Each reply as a bar as high as it was slow; what was lost is a red one, all the way up. */
function Bars({ found }: { found: PingResult }) {
  const replies = found.replies.slice(-SHOWN);
  const most = Math.max(...replies.map((each) => each.ms ?? 0), 1);
  return (
    <div class="diagnose-bars" role="img" aria-label={say(W.pingPlot, { received: found.received, sent: found.sent })}>
      {replies.map((each) => (
        <span key={each.sequence} class={each.ms === null ? "lost" : ""} style={{ height: `${each.ms === null ? 100 : Math.max(4, (each.ms / most) * 100)}%` }} />
      ))}
    </div>
  );
}
