// One's own account: name, password, second factor.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { know, may, me, type Me } from "@/api/session";
import { useAct } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Button, Card, Field, Form, Trouble, wrongField } from "@/ui/parts";
import { NewPassword } from "@/ui/password";
import { toast } from "@/ui/toast";
import { useWait } from "@/ui/wait";
import { Factor } from "@/views/box/factor";

export function You() {
  const mine = me.value;
  if (mine === null || mine === "none") return null;
  return (
    <>
      {may("access.accounts.update") && mine.account && <Name mine={mine} account={mine.account} />}
      <Password mine={mine} />
      <Factor mine={mine} />
    </>
  );
}

function Name({ mine, account }: { mine: Me; account: string }) {
  const [name, setName] = useState(mine.name ?? "");
  const act = useAct(async () => {
    await call("access.accounts.update", { account, name });
    await know();
    toast(say(s.box.you.named, { name }));
  });
  return (
    <Card>
      <Form act={act}>
        <Field
          label={s.box.you.name}
          autoComplete="username"
          required
          maxLength={60}
          value={name}
          wrong={wrongField(act.error, "name")}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        {!wrongField(act.error, "name") && <Trouble error={act.error} />}
        <div>
          <Button type="submit" busy={act.busy} disabled={name === (mine.name ?? "")}>
            {s.common.save}
          </Button>
        </div>
      </Form>
    </Card>
  );
}

function Password({ mine }: { mine: Me }) {
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const act = useAct(async () => {
    await call("access.password.set", { password, ...(mine.password && { current }) });
    setCurrent("");
    setPassword("");
    toast(s.box.you.saved);
    await know();
  });
  const wait = useWait(act.error);
  const field = wrongField(act.error, "password") ?? wrongField(act.error, "current");
  return (
    <Card title={s.box.you.password}>
      {!mine.password && <p class="note degraded">{s.box.you.none}</p>}
      <Form act={act}>
        <input type="text" autoComplete="username" value={mine.name ?? ""} hidden readOnly />
        {mine.password && (
          <Field
            label={s.box.you.current}
            type="password"
            autoComplete="current-password"
            required
            value={current}
            wrong={wrongField(act.error, "current")}
            onInput={(event) => setCurrent(event.currentTarget.value)}
          />
        )}
        <NewPassword label={s.box.you.fresh} value={password} onInput={setPassword} wrong={wrongField(act.error, "password")} />
        {!field && <Trouble error={act.error} />}
        <div>
          <Button type="submit" kind={mine.password ? undefined : "first"} busy={act.busy} disabled={wait > 0}>
            {mine.password ? s.box.you.change : s.box.you.choose}
          </Button>
        </div>
      </Form>
    </Card>
  );
}
