// The red button: this channel, from now on, for so long.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { useAct } from "@/api/use";
import { href } from "@/router";
import { s, say } from "@/strings/strings";
import { Button, Card, Choice, Trouble } from "@/ui/parts";
import { toast } from "@/ui/toast";
import type { Channel } from "@/views/tv/data";

const t = s.tv.record;

export function RecordNow({ channels, known }: { channels: readonly Channel[]; known: boolean }) {
  const possible = channels.filter((channel) => !channel.gone);
  const [chosen, choose] = useState<string | null>(null);
  const [seconds, setSeconds] = useState("3600");
  const channel = possible.find((each) => each.id === chosen) ?? possible[0];
  const act = useAct(async () => {
    if (!channel) return;
    const made = await call("dvr.recordings.create", { channel: channel.id, duration: Number(seconds) });
    toast(made.warning ?? say(t.begun, { name: channel.name }));
  });
  return (
    <Card title={t.title}>
      {known && possible.length === 0 && (
        <p class="soft">
          {t.noChannel} <a href={href("tv", "channels")}>{s.tv.sections.channels}</a>
        </p>
      )}
      {channel && (
        <>
          <div class="tv-pair">
            <Choice label={t.channel} value={channel.id} onChange={choose} options={possible.map((each) => [each.id, channelName(each)] as const)} />
            <Choice
              label={t.long}
              value={seconds}
              onChange={setSeconds}
              options={[
                ["600", t.tenMinutes],
                ["1800", t.halfHour],
                ["3600", t.hour],
                ["7200", t.twoHours],
                ["14400", t.fourHours],
              ]}
            />
          </div>
          <Button kind="first" icon="record" class="tv-go" wide busy={act.busy} onClick={() => act.run()}>
            {t.go}
          </Button>
        </>
      )}
      <Trouble error={act.error} />
    </Card>
  );
}

/** `7 News` */
export const channelName = (channel: Channel): string => [channel.number, channel.name].filter(Boolean).join(" ");
