// Which phones and browsers are let in.
import { useState } from "preact/hooks";
import { type Answer, call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { ago, duration, moment } from "@/ui/format";
import { Blank, Button, Card, Dialog, Pill, Trouble } from "@/ui/parts";
import { Asked } from "@/views/box/parts";
import { groups } from "@/views/enter/codes";

type Session = Answer<"access.sessions.list">["items"][number];

export function Sessions() {
  const sessions = useAnswer("access.sessions.list", {}, ["access.*"], 60_000);
  const items = [...(sessions.data?.items ?? [])].sort(
    (a, b) => Number(b.current) - Number(a.current) || b.last_used.localeCompare(a.last_used),
  );
  return (
    <>
      <Card>
        {!sessions.data && (sessions.error ? <Trouble error={sessions.error} retry={sessions.reload} /> : <Blank />)}
        <ul class="list">
          {items.map((session) => (
            <li key={session.id} class="box-item">
              <One session={session} changed={sessions.reload} />
            </li>
          ))}
        </ul>
      </Card>
      <Pairing />
    </>
  );
}

function One({ session, changed }: { session: Session; changed: () => void }) {
  return (
    <>
      <div>
        <p class="box-name">
          {session.label} {session.current && <Pill state="ok">{s.box.sessions.here}</Pill>}
        </p>
        <p class="small soft">
          {s.shell.roles[session.role]}, {say(s.box.sessions.since, { time: moment(session.created) })}
          {session.bound && `, ${s.box.sessions.bound}`}
        </p>
        <p class="small soft">{say(s.box.sessions.used, { ago: ago(session.last_used), address: session.address })}</p>
      </div>
      {!session.current && (
        <Asked
          word={s.box.sessions.end}
          label={`${s.box.sessions.end}: ${session.label}`}
          danger
          title={say(s.box.sessions.endSure, { label: session.label })}
          consequence={s.box.sessions.ended}
          run={() => call("access.sessions.revoke", { session: session.id })}
          done={changed}
        />
      )}
    </>
  );
}

/** Another device of an owner's. */
function Pairing() {
  const [opened, setOpened] = useState<Answer<"access.pairing.open"> | null>(null);
  const act = useAct(async () => setOpened(await call("access.pairing.open", {})));
  return (
    <Card title={s.box.sessions.pair}>
      <p class="soft">{s.box.sessions.pairWhy}</p>
      <Trouble error={act.error} />
      <div>
        <Button icon="phone" busy={act.busy} onClick={act.run}>
          {s.box.sessions.pairGo}
        </Button>
      </div>
      {opened && (
        <Dialog
          title={s.box.sessions.pairCode}
          onClose={() => setOpened(null)}
          deeds={<Button onClick={() => setOpened(null)}>{s.common.close}</Button>}
        >
          <p class="box-code">{`${opened.code.slice(0, 4)} ${opened.code.slice(4)}`}</p>
          {opened.expires_in !== null && <p class="soft">{duration(opened.expires_in)}</p>}
          <p>{s.box.sessions.pairCompare}</p>
          <ol class="box-codes">
            {groups(opened.fingerprint).map((group, at) => (
              <li key={at}>{group}</li>
            ))}
          </ol>
        </Dialog>
      )}
    </Card>
  );
}
