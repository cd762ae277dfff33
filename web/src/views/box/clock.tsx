// The household's time zone.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Blank, Button, Card, Choice, Trouble } from "@/ui/parts";
import { toast } from "@/ui/toast";

const OWN = "";

export function Clock() {
  const now = useAnswer("household.get", {}, ["household.changed"]);
  const [chosen, setChosen] = useState<string | null>(null);
  const act = useAct(async (zone: string) => {
    const { time_zone } = await call("household.update", { time_zone: zone === OWN ? null : zone });
    toast(say(s.box.clock.saved, { zone: time_zone }));
    setChosen(null);
    now.reload();
  });
  if (!now.data) return now.error ? <Trouble error={now.error} retry={now.reload} /> : <Blank />;
  const current = now.data.time_zone_from === "box" ? OWN : now.data.time_zone;
  const value = chosen ?? current;
  const names = [...new Set([...Intl.supportedValuesOf("timeZone"), now.data.time_zone])].sort();
  const own = now.data.time_zone_from === "box" ? `${s.box.clock.own} (${now.data.time_zone})` : s.box.clock.own;
  return (
    <Card>
      <p class="soft">{s.box.clock.why}</p>
      <Choice
        label={s.box.clock.zone}
        value={value}
        onChange={setChosen}
        options={[[OWN, own], ...names.map((name) => [name, name.replaceAll("_", " ")] as const)]}
      />
      <Trouble error={act.error} />
      <div>
        <Button kind="first" busy={act.busy} disabled={value === current} onClick={() => act.run(value)}>
          {s.common.save}
        </Button>
      </div>
    </Card>
  );
}
