// Where the channels come from. Who owns the box adds a tuner, a playlist or a stream.
import { useState } from "preact/hooks";
import { type Answer, call } from "@/api/call";
import { may } from "@/api/session";
import { type Reading, useAct, useAnswer } from "@/api/use";
import { plural, s, say } from "@/strings/strings";
import { Confirm } from "@/ui/confirm";
import { Blank, Button, Card, Choice, Dialog, Field, Form, Pill, Trouble, wrongField } from "@/ui/parts";
import { toast } from "@/ui/toast";
import type { Channel, Source } from "@/views/tv/data";
import { channelName } from "@/views/tv/record";

const t = s.tv.sources;
const SHORT = 12;

export function Sources({ channels }: { channels: Reading<Answer<"dvr.channels.list">> }) {
  const sources = useAnswer("dvr.sources.list", {}, ["dvr.source_changed", "dvr.source_failed"], 15_000);
  const [adding, add] = useState(false);
  return (
    <>
      <Trouble error={sources.error ?? channels.error} retry={sources.reload} />
      {sources.loading && <Blank lines={4} />}
      <div class="tv-sources">
        {sources.data?.items.map((source) => (
          <SourceCard
            key={source.id}
            source={source}
            channels={channels.data?.items.filter((channel) => channel.source === source.id) ?? []}
            reload={sources.reload}
          />
        ))}
        {may("dvr.sources.add") && (
          <Card title={t.add}>
            <p class="soft">{t.why}</p>
            <div>
              <Button icon="plus" onClick={() => add(true)}>
                {t.add}
              </Button>
            </div>
          </Card>
        )}
      </div>
      {adding && <Add onClose={() => add(false)} onDone={sources.reload} />}
    </>
  );
}

function SourceCard({ source, channels, reload }: { source: Source; channels: readonly Channel[]; reload: () => void }) {
  const [all, setAll] = useState(false);
  const [removing, remove] = useState(false);
  const refresh = useAct(async () => {
    await call("dvr.sources.refresh", { source: source.id });
    toast(t.refreshing);
  });
  const shown = all ? channels : channels.slice(0, SHORT);
  const manage = may("dvr.sources.remove") && source.kind !== "testcard";
  return (
    <Card title={source.name} side={<Pill state={source.state} />}>
      <p class="soft">{[source.kind !== "testcard" && t.kinds[source.kind], plural(source.channels, t.one, t.many)].filter(Boolean).join(" · ")}</p>
      {source.summary && <p>{source.summary}</p>}
      {source.error && <p class="small">{source.error.detail}</p>}
      <ul class="tv-channels">
        {shown.map((channel) => (
          <li key={channel.id}>
            <span class="tv-name">{channelName(channel)}</span>
            {channel.error && <span class="soft small"> {channel.error.detail}</span>}
          </li>
        ))}
      </ul>
      <Trouble error={refresh.error} />
      {channels.length > SHORT && (
        <div>
          <Button onClick={() => setAll(!all)}>{all ? t.fewer : say(t.allOf, { n: channels.length })}</Button>
        </div>
      )}
      {manage && (
        <div class="row">
          <Button busy={refresh.busy} onClick={() => refresh.run()}>
            {t.refresh}
          </Button>
          <Button kind="danger" onClick={() => remove(true)}>
            {t.remove}
          </Button>
        </div>
      )}
      {removing && <Remove source={source} onClose={() => remove(false)} onDone={reload} />}
    </Card>
  );
}

function Remove({ source, onClose, onDone }: { source: Source; onClose: () => void; onDone: () => void }) {
  const run = () => call("dvr.sources.remove", { source: source.id }).then(onDone);
  return <Confirm title={say(t.removeOf, { name: source.name })} consequence={t.removeMeans} yes={t.remove} run={run} onClose={onClose} />;
}

type Kind = "http" | "m3u" | "hdhomerun";

function Add({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [kind, setKind] = useState<Kind>("m3u");
  const [where, setWhere] = useState("");
  const [name, setName] = useState("");
  const [found, setFound] = useState<Answer<"dvr.sources.discover">["items"] | null>(null);
  const address = where.trim();
  const byHost = kind === "hdhomerun" && !address.includes("/");
  const act = useAct(async () => {
    await call("dvr.sources.add", { kind, ...(byHost ? { host: address } : { url: address }), ...(name && { name }) });
    onDone();
    onClose();
  });
  const look = useAct(async () => setFound((await call("dvr.sources.discover", {})).items));
  return (
    <Dialog title={t.add} onClose={onClose}>
      <Form act={act}>
        <Choice
          label={t.kind}
          value={kind}
          onChange={(value) => setKind(value as Kind)}
          options={[
            ["m3u", t.kinds.m3u],
            ["hdhomerun", t.kinds.hdhomerun],
            ["http", t.kinds.http],
          ]}
        />
        {kind === "hdhomerun" && (
          <div class="stack-s">
            <div>
              <Button icon="tv" busy={look.busy} onClick={() => look.run()}>
                {t.look}
              </Button>
            </div>
            {found?.length === 0 && <p class="soft">{t.lookNone}</p>}
            {found?.map((tuner) => (
              <Button key={tuner.device} wide disabled={tuner.source !== null} onClick={() => setWhere(tuner.url)}>
                {tuner.source ? say(t.known, { name: tuner.name ?? tuner.device }) : (tuner.name ?? tuner.device)}
              </Button>
            ))}
            <Trouble error={look.error} />
          </div>
        )}
        <Field
          label={kind === "hdhomerun" ? t.host : t.url}
          value={where}
          required
          maxLength={2048}
          inputMode="url"
          autoComplete="off"
          autoCapitalize="none"
          spellcheck={false}
          wrong={wrongField(act.error, byHost ? "host" : "url")}
          onInput={(event) => setWhere(event.currentTarget.value)}
        />
        <Field label={t.name} hint={t.nameHint} value={name} maxLength={200} autoComplete="off" onInput={(event) => setName(event.currentTarget.value)} />
        {!wrongField(act.error, byHost ? "host" : "url") && <Trouble error={act.error} />}
        <div class="deeds">
          <Button onClick={onClose}>{s.common.cancel}</Button>
          <Button type="submit" kind="first" busy={act.busy} disabled={!address}>
            {t.add}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
