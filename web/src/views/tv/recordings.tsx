// The list of what is and was recorded, and the trash.
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { may } from "@/api/session";
import { useAct, useAnswer } from "@/api/use";
import { href } from "@/router";
import { s, say } from "@/strings/strings";
import { duration, moment, size } from "@/ui/format";
import { Confirm } from "@/ui/confirm";
import { Icon } from "@/ui/icon";
import { Blank, Button, Card, Pill, Progress, Trouble } from "@/ui/parts";
import { toast } from "@/ui/toast";
import { type Channel, missing, passed, type Recording, recordingState, wanted, watchable } from "@/views/tv/data";

const t = s.tv;

export function Recordings({ channels }: { channels: readonly Channel[] }) {
  const all = useAnswer("dvr.recordings.list", { limit: 200 }, ["dvr.*"], 5000);
  const items = all.data?.items ?? [];
  return (
    <div class="stack">
      <Card title={t.list.title}>
        <Trouble error={all.error} retry={all.reload} />
        {all.loading && <Blank lines={4} />}
        {all.data && items.length === 0 && <p class="soft">{may("dvr.recordings.create") ? t.list.empty : t.list.emptyLook}</p>}
        <ul class="list" aria-label={t.list.title}>
          {items.map((each) => (
            <One key={each.id} recording={each} channel={channels.find((channel) => channel.id === each.channel)?.name} reload={all.reload} />
          ))}
        </ul>
        {all.data?.next && <p class="soft small">{t.list.more}</p>}
      </Card>
      {may("dvr.recordings.restore") && <Trash reload={all.reload} />}
    </div>
  );
}

interface OneProps {
  recording: Recording;
  channel: string | undefined;
  reload: () => void;
}

function One({ recording, channel, reload }: OneProps) {
  const stop = useAct(async () => {
    await call("dvr.recordings.stop", { recording: recording.id });
    reload();
  });
  const trash = useAct(async () => {
    await call("dvr.recordings.delete", { recording: recording.id });
    reload();
    toast(say(t.list.deleted, { title: recording.title }), {
      word: s.common.undo,
      run: () => void call("dvr.recordings.restore", { recording: recording.id }).then(reload, () => toast(t.list.notBack)),
    });
  });
  const running = recording.state === "recording";
  const waits = recording.state === "scheduled" || recording.state === "conflict";
  const gaps = missing(recording);
  const title = { name: recording.title };
  return (
    <li class="tv-recording">
      <div class="tv-what">
        <div class="spread">
          <h3 class="tv-name">{recording.title}</h3>
          <Pill state={recordingState(recording)}>{t.states[recording.state]}</Pill>
        </div>
        <p class="soft small">
          {[
            channel !== recording.title && channel,
            moment(recording.start),
            duration(wanted(recording)),
            recording.bytes > 0 && size(recording.bytes),
          ]
            .filter(Boolean)
            .join(" · ")}
        </p>
        {running && <Progress value={passed(recording, Date.now())} label={say(t.list.progress, title)} />}
        {gaps && <p class="small">{gaps}</p>}
        {recording.reason && <p class="small">{recording.reason}</p>}
        {recording.warning && <p class="small">{recording.warning}</p>}
      </div>
      <div class="tv-deeds">
        {watchable(recording) && (
          <a class="button" href={href("tv", "watch", recording.id)} aria-label={say(t.list.playOf, title)}>
            <Icon name="play" />
            {t.list.play}
          </a>
        )}
        {running && may("dvr.recordings.stop") && (
          <Button icon="stop" busy={stop.busy} onClick={() => stop.run()} aria-label={say(t.list.stopOf, title)}>
            {t.list.stop}
          </Button>
        )}
        {waits && may("dvr.recordings.delete") && (
          <Button busy={trash.busy} onClick={() => trash.run()} aria-label={say(t.list.callOffOf, title)}>
            {t.list.callOff}
          </Button>
        )}
        {!running && !waits && !recording.locked && may("dvr.recordings.delete") && (
          <Button kind="quiet" icon="trash" busy={trash.busy} onClick={() => trash.run()} aria-label={say(t.list.deleteOf, title)} />
        )}
      </div>
      <Trouble error={stop.error ?? trash.error} />
    </li>
  );
}

function Trash({ reload }: { reload: () => void }) {
  const trash = useAnswer("dvr.recordings.list", { state: "trash", limit: 200 }, ["dvr.*"]);
  const [gone, setGone] = useState<Recording | null>(null);
  const items = trash.data?.items ?? [];
  const back = useAct(async (recording: string) => {
    await call("dvr.recordings.restore", { recording });
    trash.reload();
    reload();
  });
  if (items.length === 0) return null;
  return (
    <details class="tv-trash">
      <summary>{say(t.trash.title, { n: items.length })}</summary>
      <Card>
        <p class="soft small">{t.trash.why}</p>
        <Trouble error={back.error} />
        <ul class="list" aria-label={t.trash.label}>
          {items.map((each) => (
            <li key={each.id} class="spread">
              <div class="tv-what">
                <strong class="tv-name">{each.title}</strong>
                <span class="soft small">{[moment(each.start), each.bytes > 0 && size(each.bytes)].filter(Boolean).join(" · ")}</span>
              </div>
              <div class="row">
                <Button onClick={() => back.run(each.id)} aria-label={say(t.trash.restoreOf, { name: each.title })}>
                  {t.trash.restore}
                </Button>
                <Button kind="danger" onClick={() => setGone(each)} aria-label={say(t.trash.removeOf, { name: each.title })}>
                  {t.trash.remove}
                </Button>
              </div>
            </li>
          ))}
        </ul>
      </Card>
      {gone && <Gone recording={gone} onClose={() => setGone(null)} onDone={trash.reload} />}
    </details>
  );
}

function Gone({ recording, onClose, onDone }: { recording: Recording; onClose: () => void; onDone: () => void }) {
  const run = () => call("dvr.recordings.delete", { recording: recording.id, permanent: true }).then(onDone);
  const title = say(t.trash.removeOf, { name: recording.title });
  return <Confirm title={title} consequence={t.trash.means} yes={t.trash.remove} run={run} onClose={onClose} />;
}
