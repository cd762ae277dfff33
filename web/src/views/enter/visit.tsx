// A technician at the door: the code that the owner gave, or the operator through the owner.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { useAct } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Button, Field, Form, Trouble, wrongField } from "@/ui/parts";
import { patiently, useWait } from "@/ui/wait";
import { bare, clock, visitCode } from "@/views/enter/codes";
import type { Way } from "@/views/enter/enter";

export function Visit({ entered, given }: Way) {
  const [code, setCode] = useState(visitCode(given));
  const act = useAct(async () => {
    await patiently(() => call("access.technician.redeem", { code, cookie: true }));
    await entered();
  });
  const wait = useWait(act.error);
  const wrong = wrongField(act.error, "code");
  return (
    <Form act={act}>
      <h1>{s.enter.technician.title}</h1>
      <p class="soft">{s.enter.technician.why}</p>
      <Field
        label={s.enter.technician.code}
        class="code enter-code letters"
        autoCapitalize="off"
        autoComplete="one-time-code"
        spellcheck={false}
        placeholder="xxxx-xxxx-xxxx"
        required
        value={code}
        wrong={wrong}
        onInput={(event) => {
          setCode(visitCode(event.currentTarget.value));
          event.currentTarget.value = visitCode(event.currentTarget.value);
        }}
      />
      {!wrong && <Trouble error={act.error} />}
      <Button type="submit" kind="first" big busy={act.busy} disabled={wait > 0 || bare(code).length < 12}>
        {wait ? say(s.enter.wait, { clock: clock(wait) }) : s.enter.technician.go}
      </Button>
      <p class="small soft">{s.enter.technician.sees}</p>
    </Form>
  );
}
