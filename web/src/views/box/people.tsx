// Who belongs to the household.
import { useState } from "preact/hooks";
import { type Answer, call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { duration } from "@/ui/format";
import { Blank, Button, Card, Choice, Dialog, Field, Form, Pill, Trouble, wrongField } from "@/ui/parts";
import { Asked, Copy, linkTo } from "@/views/box/parts";

type Person = Answer<"access.accounts.list">["items"][number];
type Role = Person["role"];
const ROLES: readonly Role[] = ["owner", "member", "viewer"];
const words = ROLES.map((role) => [role, s.box.people.roles[role]] as const);

interface Invitation {
  name: string;
  text: string;
  seconds: number;
}

export function People() {
  const people = useAnswer("access.accounts.list", {}, ["access.*"]);
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  return (
    <>
      <Card>
        {!people.data && (people.error ? <Trouble error={people.error} retry={people.reload} /> : <Blank />)}
        {people.data?.items.length === 0 && <p class="soft">{s.box.people.none}</p>}
        <ul class="list">
          {people.data?.items.map((person) => (
            <li key={person.id}>
              <One person={person} changed={people.reload} invited={setInvitation} />
            </li>
          ))}
        </ul>
      </Card>
      <Add
        invited={(made) => {
          setInvitation(made);
          people.reload();
        }}
      />
      {invitation && <PassOn invitation={invitation} onClose={() => setInvitation(null)} />}
    </>
  );
}

function One({ person, changed, invited }: { person: Person; changed: () => void; invited: (made: Invitation) => void }) {
  const name = person.name ?? s.box.people.nameless;
  const role = useAct(async (next: string) => {
    await call("access.accounts.update", { account: person.id, role: next as Role });
    changed();
  });
  const again = useAct(async () => {
    const made = await call("access.accounts.invite", { account: person.id });
    invited({ name, text: made.invitation, seconds: made.expires_in });
  });
  return (
    <div class="stack-s">
      <div class="box-item">
        <div>
          <p class="box-name">
            {name} {person.current && <Pill state="ok">{s.box.people.you}</Pill>}
          </p>
          <p class="small soft">
            {person.password ? s.box.people.joined : person.current ? s.box.people.without : s.box.people.waiting}
            {person.second_factor && `, ${s.box.people.second}`}
          </p>
        </div>
        {person.current && <span class="small soft">{s.shell.roles[person.role]}</span>}
      </div>
      {!person.current && (
        <>
          <Choice label={`${s.box.people.role} (${name})`} value={person.role} options={words} disabled={role.busy} onChange={role.run} />
          <div class="row">
            <Button busy={again.busy} onClick={again.run}>
              {s.box.people.again}
            </Button>
            <Asked
              word={s.box.people.remove}
              label={say(s.box.people.removeSure, { name })}
              danger
              title={say(s.box.people.removeSure, { name })}
              consequence={s.box.people.removed}
              run={() => call("access.accounts.remove", { account: person.id })}
              done={changed}
            />
          </div>
        </>
      )}
      <Trouble error={role.error ?? again.error} />
    </div>
  );
}

function Add({ invited }: { invited: (made: Invitation) => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("member");
  const act = useAct(async () => {
    const made = await call("access.accounts.create", { name, role });
    setName("");
    invited({ name, text: made.invitation, seconds: made.expires_in });
  });
  const wrong = wrongField(act.error, "name");
  return (
    <Card title={s.box.people.add}>
      <Form act={act}>
        <Field label={s.box.people.name} required maxLength={60} autoComplete="off" value={name} wrong={wrong} onInput={(event) => setName(event.currentTarget.value)} />
        <Choice label={s.box.people.role} value={role} options={words} onChange={(next) => setRole(next as Role)} />
        {!wrong && <Trouble error={act.error} />}
        <div>
          <Button type="submit" kind="first" busy={act.busy}>
            {s.box.people.invite}
          </Button>
        </div>
      </Form>
    </Card>
  );
}

function PassOn({ invitation, onClose }: { invitation: Invitation; onClose: () => void }) {
  return (
    <Dialog
      title={say(s.box.people.invited, { name: invitation.name })}
      onClose={onClose}
      deeds={
        <>
          <Button onClick={onClose}>{s.common.close}</Button>
          <Copy kind="first" text={linkTo("enter", "join", invitation.text)} word={s.box.people.link} />
        </>
      }
    >
      <p>{say(s.box.people.pass, { time: duration(invitation.seconds) })}</p>
      <p class="box-code long">{invitation.text}</p>
    </Dialog>
  );
}
