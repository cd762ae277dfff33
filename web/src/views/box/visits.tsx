// Technicians: a code for one visit, who is here, and the receipt of what was done.
import { useState } from "preact/hooks";
import { type Answer, call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { plural, s, say } from "@/strings/strings";
import { duration, moment } from "@/ui/format";
import { Blank, Button, Card, Choice, Dialog, Field, Form, Pill, Trouble } from "@/ui/parts";
import { Acts } from "@/views/box/activity";
import { Asked, Copy, linkTo } from "@/views/box/parts";

const HOURS = [1, 2, 4, 8] as const;

export function Visits() {
  const visits = useAnswer("access.technician.visits.list", {}, ["access.*"], 30_000);
  const sessions = useAnswer("access.sessions.list", {}, ["access.*"]);
  const [receipt, setReceipt] = useState<string | null>(null);
  // The operator names technicians; who came by a code of the household's is called what the owner wrote.
  const named = (visit: { technician: string; session: string }) =>
    visit.technician || sessions.data?.items.find(({ id }) => id === visit.session)?.label || s.box.visits.byCode;
  return (
    <>
      <Invite />
      <Card title={s.box.visits.list}>
        {!visits.data && (visits.error ? <Trouble error={visits.error} retry={visits.reload} /> : <Blank />)}
        {visits.data?.items.length === 0 && <p class="soft">{s.box.visits.none}</p>}
        <ul class="list">
          {visits.data?.items.map((visit) => (
            <li key={visit.id} class="box-item stacked">
              <div>
                <p class="box-name">
                  {named(visit)} <Pill state={visit.left > 0 ? "ok" : "unknown"}>{visit.left > 0 ? s.box.visits.running : s.box.visits.over}</Pill>
                </p>
                <p class="small soft">
                  {moment(visit.started)}
                  {visit.left > 0 && `, ${say(s.box.visits.left, { time: duration(visit.left) })}`}
                </p>
              </div>
              <div class="row">
                <Button onClick={() => setReceipt(visit.id)}>{s.box.visits.receipt}</Button>
                {visit.left > 0 && (
                  <Asked
                    word={s.box.visits.end}
                    danger
                    title={s.box.visits.endSure}
                    consequence={s.box.visits.ended}
                    run={() => call("access.technician.visits.end", { visit: visit.id })}
                    done={visits.reload}
                  />
                )}
              </div>
            </li>
          ))}
        </ul>
        <div>
          <Asked
            word={s.box.visits.revoke}
            danger
            title={s.box.visits.revokeSure}
            consequence={s.box.visits.revoked}
            run={() => call("access.technician.revoke", {})}
            done={visits.reload}
          />
        </div>
      </Card>
      {receipt && <Receipt visit={receipt} onClose={() => setReceipt(null)} />}
    </>
  );
}

function Invite() {
  const [label, setLabel] = useState("");
  const [hours, setHours] = useState("4");
  const [made, setMade] = useState<Answer<"access.technician.invite"> | null>(null);
  const act = useAct(async () =>
    setMade(await call("access.technician.invite", { lifetime: Number(hours) * 3600, ...(label && { label }) })),
  );
  return (
    <Card>
      <p class="soft">{s.box.visits.why}</p>
      <Form act={act}>
        <Field
          label={s.box.visits.label}
          hint={s.box.visits.labelHint}
          maxLength={60}
          autoComplete="off"
          value={label}
          onInput={(event) => setLabel(event.currentTarget.value)}
        />
        <Choice
          label={s.box.visits.lasts}
          value={hours}
          onChange={setHours}
          options={HOURS.map((n) => [String(n), plural(n, s.box.visits.hour, s.box.visits.hours)] as const)}
        />
        <Trouble error={act.error} />
        <div>
          <Button type="submit" kind="first" busy={act.busy}>
            {s.box.visits.go}
          </Button>
        </div>
      </Form>
      {made && (
        <Dialog
          title={s.box.visits.code}
          onClose={() => setMade(null)}
          deeds={
            <>
              <Button onClick={() => setMade(null)}>{s.common.close}</Button>
              <Copy kind="first" text={linkTo("enter", "technician", made.code)} word={s.box.visits.link} />
            </>
          }
        >
          <p class="box-code">{made.code}</p>
          <p>{say(s.box.visits.tell, { time: duration(made.expires_in) })}</p>
        </Dialog>
      )}
    </Card>
  );
}

function Receipt({ visit, onClose }: { visit: string; onClose: () => void }) {
  const receipt = useAnswer("access.technician.visits.get", { visit }, ["access.*"]);
  return (
    <Dialog title={s.box.visits.receipt} onClose={onClose} deeds={<Button onClick={onClose}>{s.common.close}</Button>}>
      {!receipt.data && (receipt.error ? <Trouble error={receipt.error} retry={receipt.reload} /> : <Blank />)}
      {receipt.data && (
        <>
          <p class="soft">
            {receipt.data.technician || s.box.visits.byCode}, {moment(receipt.data.started)}
          </p>
          {receipt.data.acts.length === 0 ? <p>{s.box.visits.nothing}</p> : <Acts acts={receipt.data.acts} />}
        </>
      )}
    </Dialog>
  );
}
