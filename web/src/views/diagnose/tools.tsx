// The technician's tools, one at a time; each has its own address.
import { may } from "@/api/session";
import { href } from "@/router";
import { s } from "@/strings/strings";
import { Capture } from "./tool-capture";
import { Lookup } from "./tool-lookup";
import { Mail } from "./tool-mail";
import { Ping } from "./tool-ping";
import { Phone } from "./tool-phone";
import { Probe } from "./tool-probe";
import { Route } from "./tool-route";
import { Signal } from "./tool-signal";

const W = s.diagnose.tools;
const TOOLS = { ping: Ping, traceroute: Route, lookup: Lookup, probe: Probe, phone: Phone, mail: Mail, tv: Signal, capture: Capture };
type Kind = keyof typeof TOOLS;

export function Tools({ kind }: { kind: string | undefined }) {
  const shown = (Object.keys(TOOLS) as Kind[]).filter((name) => name !== "tv" || may("diagnostics.signal.get"));
  const current = shown.find((name) => name === kind) ?? "ping";
  const Tool = TOOLS[current];
  return (
    <>
      <div class="stack-s">
        <h1>{W.title}</h1>
        <p class="soft">{W.lead}</p>
      </div>
      <nav class="diagnose-kinds" aria-label={W.title}>
        {shown.map((name) => (
          <a key={name} href={href("diagnose", "tools", name)} aria-current={name === current ? "page" : undefined}>
            {W.kinds[name]}
          </a>
        ))}
      </nav>
      <Tool key={current} />
    </>
  );
}
