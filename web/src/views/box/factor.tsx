// The second factor: set up with a picture, confirmed with a code, and ten codes for a bad day.
import { useState } from "preact/hooks";
import { type Answer, call } from "@/api/call";
import { know, type Me } from "@/api/session";
import { useAct } from "@/api/use";
import { s } from "@/strings/strings";
import { Button, Card, Dialog, Field, Form, Pill, Trouble } from "@/ui/parts";
import { Qr } from "@/ui/qr";
import { Asked, Copy } from "@/views/box/parts";

export function Factor({ mine }: { mine: Me }) {
  const [begun, setBegun] = useState<Answer<"access.totp.start"> | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const start = useAct(async () => setBegun(await call("access.totp.start", {})));
  const anew = useAct(async () => setCodes((await call("access.totp.recovery", {})).codes));
  return (
    <Card title={s.box.factor.title} side={mine.second_factor && <Pill state="ok">{s.common.yes}</Pill>}>
      <p class="soft">{mine.second_factor ? s.box.factor.on : s.box.factor.off}</p>
      <Trouble error={start.error ?? anew.error} />
      {mine.second_factor ? (
        <div class="row">
          <Button busy={anew.busy} onClick={anew.run}>
            {s.box.factor.anew}
          </Button>
          <Asked
            word={s.box.factor.remove}
            danger
            title={s.box.factor.removeSure}
            consequence={s.box.factor.removed}
            run={async () => {
              await call("access.totp.remove", {});
              await know();
            }}
          />
        </div>
      ) : (
        <div>
          <Button busy={start.busy} onClick={start.run}>
            {s.box.factor.start}
          </Button>
        </div>
      )}
      {begun && (
        <SetUp
          begun={begun}
          onClose={() => setBegun(null)}
          done={(drawn) => {
            setBegun(null);
            setCodes(drawn);
          }}
        />
      )}
      {codes && (
        <Recovery
          codes={codes}
          onClose={() => {
            setCodes(null);
            void know();
          }}
        />
      )}
    </Card>
  );
}

function SetUp(props: { begun: Answer<"access.totp.start">; onClose: () => void; done: (codes: readonly string[]) => void }) {
  const [code, setCode] = useState("");
  const act = useAct(async () => props.done((await call("access.totp.confirm", { code: code.replace(/\s/g, "") })).codes));
  return (
    <Dialog title={s.box.factor.title} onClose={props.onClose}>
      <Form act={act}>
        <p>{s.box.factor.scan}</p>
        <Qr svg={props.begun.qr} label={s.box.factor.qr} />
        <p class="small soft">
          {s.box.factor.secret} <code>{props.begun.secret}</code>
        </p>
        <Field
          label={s.box.factor.code}
          class="code"
          inputMode="numeric"
          autoComplete="one-time-code"
          required
          maxLength={7}
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
        <Trouble error={act.error} />
        <div class="deeds">
          <Button onClick={props.onClose}>{s.common.cancel}</Button>
          <Button type="submit" kind="first" busy={act.busy}>
            {s.box.factor.confirm}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}

function Recovery({ codes, onClose }: { codes: readonly string[]; onClose: () => void }) {
  return (
    <Dialog
      title={s.box.factor.codes}
      onClose={onClose}
      deeds={
        <>
          <Copy text={codes.join("\n")} />
          <Button kind="first" onClick={onClose}>
            {s.box.factor.kept}
          </Button>
        </>
      }
    >
      <p>{s.box.factor.keep}</p>
      <ul class="box-codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
    </Dialog>
  );
}
