// Tokens for tools: named, for some permissions only, and they run out.
import { useState } from "preact/hooks";
import { type Answer, type Arguments, call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { ago, moment } from "@/ui/format";
import { Blank, Button, Card, Check, Choice, Dialog, Field, Form, Trouble, wrongField } from "@/ui/parts";
import { Asked, Copy } from "@/views/box/parts";

type Scope = Arguments<"access.tokens.create">["scopes"][number];
type Offered = keyof typeof s.box.tokens.scopes;
const SCOPES = Object.keys(s.box.tokens.scopes) as Offered[];
const DAYS = [7, 30, 90, 365] as const;
const word = (scope: string): string => (scope in s.box.tokens.scopes ? s.box.tokens.scopes[scope as Offered] : scope);

export function Tokens() {
  const tokens = useAnswer("access.tokens.list", {}, ["access.*"]);
  return (
    <>
      <Card>
        <p class="soft">{s.box.tokens.why}</p>
        {!tokens.data && (tokens.error ? <Trouble error={tokens.error} retry={tokens.reload} /> : <Blank />)}
        {tokens.data?.items.length === 0 && <p>{s.box.tokens.none}</p>}
        <ul class="list">
          {tokens.data?.items.map((token) => (
            <li key={token.id} class="box-item">
              <div>
                <p class="box-name">{token.name}</p>
                <p class="small soft">{token.scopes.map(word).join(", ")}</p>
                <p class="small soft">
                  {token.expires && `${say(s.box.tokens.expires, { time: moment(token.expires) })}, `}
                  {token.last_used ? say(s.box.tokens.used, { ago: ago(token.last_used) }) : s.box.tokens.unused}
                </p>
              </div>
              <Asked
                word={s.box.tokens.end}
                label={`${s.box.tokens.end}: ${token.name}`}
                danger
                title={say(s.box.tokens.endSure, { name: token.name })}
                consequence={s.box.tokens.ended}
                run={() => call("access.tokens.revoke", { token: token.id })}
                done={tokens.reload}
              />
            </li>
          ))}
        </ul>
      </Card>
      <Make made={tokens.reload} />
    </>
  );
}

function Make({ made }: { made: () => void }) {
  const [name, setName] = useState("");
  const [days, setDays] = useState("90");
  const [scopes, setScopes] = useState<readonly Scope[]>(["box:read"]);
  const [token, setToken] = useState<Answer<"access.tokens.create"> | null>(null);
  const act = useAct(async () => {
    setToken(await call("access.tokens.create", { name, scopes: [...scopes], expires_in: Number(days) * 86_400 }));
    setName("");
    made();
  });
  const wrong = wrongField(act.error, "name");
  return (
    <Card title={s.box.tokens.add}>
      <Form act={act}>
        <Field label={s.box.tokens.name} required maxLength={60} autoComplete="off" value={name} wrong={wrong} onInput={(event) => setName(event.currentTarget.value)} />
        <fieldset class="field">
          <legend>{s.box.tokens.may}</legend>
          <div class="box-scopes">
            {SCOPES.map((scope) => (
              <Check
                key={scope}
                label={word(scope)}
                checked={scopes.includes(scope)}
                onChange={(on) => setScopes(on ? [...scopes, scope] : scopes.filter((each) => each !== scope))}
              />
            ))}
          </div>
        </fieldset>
        <Choice
          label={s.box.tokens.days}
          value={days}
          onChange={setDays}
          options={DAYS.map((n) => [String(n), say(s.box.tokens.day, { n })] as const)}
        />
        {!wrong && <Trouble error={act.error} />}
        <div>
          <Button type="submit" kind="first" busy={act.busy} disabled={scopes.length === 0}>
            {s.box.tokens.go}
          </Button>
        </div>
      </Form>
      {token && (
        <Dialog
          title={s.box.tokens.made}
          onClose={() => setToken(null)}
          deeds={
            <>
              <Button onClick={() => setToken(null)}>{s.common.close}</Button>
              <Copy kind="first" text={token.token} />
            </>
          }
        >
          <p class="box-code long">{token.token}</p>
          <p>{s.box.tokens.once}</p>
        </Dialog>
      )}
    </Card>
  );
}
