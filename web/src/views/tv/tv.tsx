// TV: what is recorded, record now, watch it. The guide comes when its trade is whole.
import { may } from "@/api/session";
import { useAnswer } from "@/api/use";
import { place } from "@/router";
import { s } from "@/strings/strings";
import { Places } from "@/ui/places";
import { Recordings } from "@/views/tv/recordings";
import { RecordNow } from "@/views/tv/record";
import { Sources } from "@/views/tv/sources";
import { StorageCard } from "@/views/tv/storage";
import { Watch } from "@/views/tv/watch";
import "@/views/tv/tv.css";

const t = s.tv;
const SECTIONS = ["recordings", "channels"] as const;

export default function Tv() {
  const [section = "recordings", id] = place.value.rest;
  if (section === "watch" && id) return <Watch key={id} id={id} />;
  return <Inside section={section} />;
}

function Inside({ section }: { section: string }) {
  const channels = useAnswer("dvr.channels.list", { limit: 500, hidden: false }, ["dvr.channel_changed", "dvr.source_changed"]);
  const items = channels.data?.items ?? [];
  return (
    <>
      <div class="tv-head">
        <h1>{t.title}</h1>
        <Places
          label={t.sections.nav}
          items={SECTIONS.map((each) => ({ word: t.sections[each], to: each === "recordings" ? ["tv"] : ["tv", each], here: each === section }))}
        />
      </div>
      {section === "channels" ? (
        <Sources channels={channels} />
      ) : (
        <div class="tv-columns">
          <div class="tv-side">
            {may("dvr.recordings.create") && <RecordNow channels={items} known={channels.data !== null} />}
            <StorageCard />
          </div>
          <Recordings channels={items} />
        </div>
      )}
    </>
  );
}
