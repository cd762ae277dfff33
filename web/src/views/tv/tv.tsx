// TV: what is recorded, record now, watch it. The guide comes when its trade is whole.
import { may } from "@/api/session";
import { useAnswer } from "@/api/use";
import { href, place } from "@/router";
import { s } from "@/strings/strings";
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
        <nav class="tv-sections" aria-label={t.sections.nav}>
          {SECTIONS.map((each) => (
            <a key={each} href={each === "recordings" ? href("tv") : href("tv", each)} aria-current={each === section ? "page" : undefined}>
              {t.sections[each]}
            </a>
          ))}
        </nav>
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
