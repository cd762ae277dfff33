// The layers from the box outwards, each with its light; what its checks found unfolds.
import { s } from "@/strings/strings";
import { Icon, type IconName } from "@/ui/icon";
import { type Layer, type Light, type Rung, shown } from "./model";

const W = s.diagnose;
const SIGNS: Partial<Record<Light, IconName>> = { ok: "check", warn: "alert", failed: "cross", unknown: "more" };

/** `here` is the layer that the verdict names: faults above it may only follow from it. */
export function Ladder({ rungs, here }: { rungs: readonly Rung[]; here?: Layer | undefined }) {
  return (
    <ol class="diagnose-ladder">
      {rungs.map((rung) => (
        <li key={rung.layer} data-light={rung.light} data-here={rung.layer === here || undefined}>
          {rung.checks.length > 0 ? (
            <details>
              <summary>
                <Row rung={rung} here={rung.layer === here} />
                <Icon name="chevron" />
              </summary>
              <ul class="stack-s">
                {rung.checks.map((each) => (
                  <li key={each.check} class="diagnose-check">
                    <span class="mono">{each.check}</span>
                    <span class={`diagnose-word ${shown(each.status)}`}>{W.lights[each.status]}</span>
                    <span class="diagnose-detail">{each.detail}</span>
                  </li>
                ))}
              </ul>
            </details>
          ) : (
            <div class="diagnose-row">
              <Row rung={rung} here={rung.layer === here} />
            </div>
          )}
        </li>
      ))}
    </ol>
  );
}

function Row({ rung: { layer, light }, here }: { rung: Rung; here: boolean }) {
  const sign = SIGNS[light];
  return (
    <>
      <span class={`diagnose-light ${light}`} aria-hidden="true">
        {light === "looking" ? <span class="spinner" /> : sign && <Icon name={sign} size={16} />}
      </span>
      <span class="diagnose-grow">{W.layers[layer]}</span>
      <span class={`diagnose-word ${shown(light)}`}>{here && light !== "ok" ? W.here : W.lights[light]}</span>
    </>
  );
}
