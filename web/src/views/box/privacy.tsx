// What leaves the box, how long things are kept.
import { useState } from "preact/hooks";
import { type Answer, call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Blank, Button, Card, Form, Trouble } from "@/ui/parts";
import { toast } from "@/ui/toast";
import { Switch } from "@/views/box/parts";
import { Erase, Export } from "@/views/box/personal";

type Settings = Answer<"privacy.settings.get">;
type Purpose = keyof typeof s.box.privacy.purposes;
type Kind = keyof typeof s.box.privacy.kinds;

export function Privacy() {
  const settings = useAnswer("privacy.settings.get", {});
  if (!settings.data) return settings.error ? <Trouble error={settings.error} retry={settings.reload} /> : <Blank lines={6} />;
  return (
    <>
      <Share settings={settings.data} changed={settings.reload} />
      <Keep settings={settings.data} changed={settings.reload} />
      <Export />
      <Erase areas={settings.data.areas} />
    </>
  );
}

function Share({ settings, changed }: { settings: Settings; changed: () => void }) {
  const act = useAct(async (purpose: Purpose, on: boolean) => {
    await call("privacy.settings.update", { share: { [purpose]: on } });
    changed();
  });
  return (
    <Card title={s.box.privacy.share}>
      <p class="soft">{s.box.privacy.shareWhy}</p>
      <div>
        {(Object.keys(s.box.privacy.purposes) as Purpose[])
          .filter((purpose) => purpose in settings.share)
          .map((purpose) => (
            <Switch
              key={purpose}
              title={s.box.privacy.purposes[purpose].title}
              more={s.box.privacy.purposes[purpose].more}
              on={settings.share[purpose] ?? false}
              disabled={act.busy}
              onChange={(on) => act.run(purpose, on)}
            />
          ))}
      </div>
      <Trouble error={act.error} />
    </Card>
  );
}

function Keep({ settings, changed }: { settings: Settings; changed: () => void }) {
  const [days, setDays] = useState<Partial<Record<Kind, string>>>({});
  const act = useAct(async () => {
    const keep = Object.fromEntries(Object.entries(days).map(([kind, typed]) => [kind, Number(typed)]));
    await call("privacy.settings.update", { keep });
    setDays({});
    toast(s.box.privacy.saved);
    changed();
  });
  return (
    <Card title={s.box.privacy.keep}>
      <Form act={act}>
        {(Object.keys(s.box.privacy.kinds) as Kind[])
          .filter((kind) => kind in settings.keep)
          .map((kind) => (
            <div key={kind} class="box-days">
              <label for={`keep-${kind}`}>{say(s.box.privacy.daysOf, { what: s.box.privacy.kinds[kind] })}</label>
              <input
                id={`keep-${kind}`}
                class="input"
                type="number"
                min={1}
                max={3650}
                required
                value={days[kind] ?? settings.keep[kind]}
                onInput={(event) => setDays({ ...days, [kind]: event.currentTarget.value })}
              />
            </div>
          ))}
        <Trouble error={act.error} />
        <div>
          <Button type="submit" busy={act.busy} disabled={Object.keys(days).length === 0}>
            {s.box.privacy.save}
          </Button>
        </div>
      </Form>
    </Card>
  );
}
