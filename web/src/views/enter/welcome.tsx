// After the claim: how to come in next time, without the box in sight.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { useAct } from "@/api/use";
import { s } from "@/strings/strings";
import { Button, Field, Form, Trouble, wrongField } from "@/ui/parts";
import { NewPassword } from "@/ui/password";

export function Welcome(props: { account: string; name: string; done: () => Promise<void> }) {
  const [name, setName] = useState(props.name);
  const [password, setPassword] = useState("");
  const act = useAct(async () => {
    if (name !== props.name) await call("access.accounts.update", { account: props.account, name });
    await call("access.password.set", { password });
    await props.done();
  });
  const field = wrongField(act.error, "name") ?? wrongField(act.error, "password");
  return (
    <Form act={act}>
      <h1>{s.enter.welcome.title}</h1>
      <p class="soft">{s.enter.welcome.why}</p>
      <Field
        label={s.enter.name}
        autoComplete="username"
        autoFocus
        required
        maxLength={60}
        value={name}
        wrong={wrongField(act.error, "name")}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <NewPassword label={s.enter.password} value={password} onInput={setPassword} wrong={wrongField(act.error, "password")} />
      {!field && <Trouble error={act.error} />}
      <Button type="submit" kind="first" big busy={act.busy}>
        {s.enter.welcome.go}
      </Button>
      <Button kind="quiet" onClick={props.done}>
        {s.enter.welcome.later}
      </Button>
    </Form>
  );
}
