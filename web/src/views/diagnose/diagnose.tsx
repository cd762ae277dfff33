import "./diagnose.css";
import { useEffect } from "preact/hooks";
import { may } from "@/api/session";
import { place } from "@/router";
import { s } from "@/strings/strings";
import { Places } from "@/ui/places";
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
  useEffect(() => scrollTo(0, 0), [sub]);
  return (
    <div class="diagnose">
      <Places
        label={s.diagnose.nav}
        items={shown.map((name) => ({ word: WORDS[name], to: ["diagnose", ...(name ? [name] : [])], here: name === current }))}
      />
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
