// Somebody was invited: the invitation, and a password of one's own.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { useAct } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Button, Field, Form, Trouble, wrongField } from "@/ui/parts";
import { NewPassword } from "@/ui/password";
import { patiently, useWait } from "@/ui/wait";
import { browser } from "@/views/enter/browser";
import { clock } from "@/views/enter/codes";
import type { Way } from "@/views/enter/enter";

export function Join({ entered, given }: Way) {
  const [invitation, setInvitation] = useState(given);
  const [password, setPassword] = useState("");
  const act = useAct(async () => {
    await patiently(() => call("access.accounts.join", { invitation: invitation.trim(), password, cookie: true, label: browser() }));
    await entered();
  });
  const wait = useWait(act.error);
  const field = wrongField(act.error, "invitation") ?? wrongField(act.error, "password");
  return (
    <Form act={act}>
      <h1>{s.enter.join.title}</h1>
      <p class="soft">{s.enter.join.why}</p>
      <Field
        label={s.enter.join.invitation}
        class="mono"
        autoCapitalize="off"
        spellcheck={false}
        required
        value={invitation}
        wrong={wrongField(act.error, "invitation")}
        onInput={(event) => setInvitation(event.currentTarget.value)}
      />
      <NewPassword label={s.enter.join.password} value={password} onInput={setPassword} wrong={wrongField(act.error, "password")} />
      {!field && <Trouble error={act.error} />}
      <Button type="submit" kind="first" big busy={act.busy} disabled={wait > 0}>
        {wait ? say(s.enter.wait, { clock: clock(wait) }) : s.enter.join.go}
      </Button>
    </Form>
  );
}
