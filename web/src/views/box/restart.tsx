// Restarting: what, when, and what it means for everybody at home.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { expect } from "@/life";
import { s } from "@/strings/strings";
import { Card, Field } from "@/ui/parts";
import { toast } from "@/ui/toast";
import { Asked } from "@/views/box/parts";

const TARGETS = ["daemon", "box"] as const;
const WHENS = ["now", "idle"] as const;

export function Restart() {
  const [target, setTarget] = useState<(typeof TARGETS)[number]>("daemon");
  const [when, setWhen] = useState<(typeof WHENS)[number]>("idle");
  const [reason, setReason] = useState("");
  const run = async () => {
    const { restart } = await call("upkeep.restart", { target, reason, when: target === "box" ? when : "now" });
    if (restart.state === "waiting") return toast(s.box.restart.waits);
    expect(target);
  };
  return (
    <Card>
      <fieldset class="box-choices">
        <legend class="visually-hidden">{s.box.restart.target}</legend>
        {TARGETS.map((each) => (
          <label key={each} class="box-choice">
            <input type="radio" name="target" checked={target === each} onChange={() => setTarget(each)} />
            <span>
              {s.box.restart[each]}
              <span class="small soft">{s.box.restart[`${each}More`]}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {target === "box" && (
        <fieldset class="field">
          <legend>{s.box.restart.when}</legend>
          {WHENS.map((each) => (
            <label key={each} class="check">
              <input type="radio" name="when" checked={when === each} onChange={() => setWhen(each)} />
              <span>{s.box.restart[each]}</span>
            </label>
          ))}
        </fieldset>
      )}
      <Field label={s.box.restart.reason} maxLength={200} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      <div>
        <Asked
          word={s.box.restart.go}
          icon="restart"
          danger={target === "box"}
          title={s.box.restart.sure[target]}
          consequence={s.box.restart[`${target}More`]}
          run={run}
        />
      </div>
    </Card>
  );
}
