import "./diagnose.css";
import { may } from "@/api/session";
import { href, place } from "@/router";
import { s } from "@/strings/strings";
import { Outages } from "./outages";
import { Report } from "./report";
import { Speed } from "./speed";
import { Tools } from "./tools";
import { EarlierRun, Verdict } from "./verdict";

const WORDS = s.diagnose.places;

/** The view's own places: the verdict first, then the proof, then the hands. */
export default function Diagnose() {
  const [sub = "", more] = place.value.rest;
  const shown = (["", "speed", "tools", "outages", "report"] as const).filter((name) =>
    name === "outages" || name === "report" ? may("diagnostics.outages.list") : may("diagnostics.run"),
  );
  const current = sub === "now" || sub === "run" ? "" : sub;
  return (
    <div class="diagnose">
      <nav class="diagnose-nav no-print" aria-label={s.diagnose.nav}>
        {shown.map((name) => (
          <a key={name} href={href("diagnose", ...(name ? [name] : []))} aria-current={name === current ? "page" : undefined}>
            {WORDS[name]}
          </a>
        ))}
      </nav>
      {current === "speed" ? (
        <Speed />
      ) : current === "tools" ? (
        <Tools kind={more} />
      ) : current === "outages" ? (
        <Outages />
      ) : current === "report" ? (
        <Report />
      ) : sub === "run" && more ? (
        <EarlierRun id={more} />
      ) : (
        <Verdict now={sub === "now"} />
      )}
    </div>
  );
}
