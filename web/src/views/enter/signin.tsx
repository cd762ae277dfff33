// Signing in by name and password; the second factor is asked for when there is one.
import { useState } from "preact/hooks";
import { call, Refusal } from "@/api/call";
import { useAct } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Button, Field, Form, Trouble } from "@/ui/parts";
import { patiently, useWait } from "@/ui/wait";
import { browser } from "@/views/enter/browser";
import { clock } from "@/views/enter/codes";
import type { Way } from "@/views/enter/enter";

export function SignIn({ entered }: Way) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState<string | null>(null);
  const act = useAct(async () => {
    try {
      await patiently(() => call("access.login", { name, password, cookie: true, label: browser(), ...(code && { code }) }));
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "access.second_factor_needed") throw error;
      setCode(""); // not a refusal, but the next question
      return;
    }
    await entered();
  });
  const wait = useWait(act.error);
  return (
    <Form act={act}>
      <h1>{code === null ? s.enter.signin.title : s.enter.signin.second}</h1>
      {code === null ? (
        <>
          <Field
            label={s.enter.name}
            autoComplete="username"
            autoCapitalize="off"
            spellcheck={false}
            required
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <Field
            label={s.enter.password}
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </>
      ) : (
        <Field
          key="code"
          label={s.enter.signin.code}
          hint={s.enter.signin.codeHint}
          class="code"
          autoComplete="one-time-code"
          autoCapitalize="off"
          autoFocus
          required
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      )}
      <Trouble error={act.error} />
      <Button type="submit" kind="first" big busy={act.busy} disabled={wait > 0}>
        {wait ? say(s.enter.wait, { clock: clock(wait) }) : s.enter.signin.go}
      </Button>
      {code !== null && (
        <Button
          kind="quiet"
          onClick={() => {
            setCode(null);
            act.clear();
          }}
        >
          {s.common.back}
        </Button>
      )}
    </Form>
  );
}
