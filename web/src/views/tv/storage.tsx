// The disk: what is used, what is left, and what goes when it is short.
import { useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { moment, size } from "@/ui/format";
import { Blank, Card, Trouble } from "@/ui/parts";

const t = s.tv.storage;

export function StorageCard() {
  const storage = useAnswer("dvr.storage.get", {}, ["dvr.*"], 30_000);
  const data = storage.data;
  const limit = data?.limit ?? data?.total ?? null;
  const share = data && limit ? Math.min(1, data.used / limit) : 0;
  const low = data?.forecast.short ? true : share > 0.9;
  return (
    <Card title={t.title}>
      <Trouble error={storage.error} retry={storage.reload} />
      {storage.loading && <Blank lines={2} />}
      {data && (
        <>
          {limit !== null && (
            <div
              class={`tv-disk ${low ? "low" : ""}`}
              role="meter"
              aria-label={t.title}
              aria-valuemin={0}
              aria-valuemax={100}
              aria-valuenow={Math.round(share * 100)}
              aria-valuetext={say(t.used, { used: size(data.used), limit: size(limit) })}
            >
              <span style={{ width: `${Math.max(share * 100, data.used ? 1 : 0)}%` }} />
            </div>
          )}
          <p>{limit === null ? say(t.usedOnly, { used: size(data.used) }) : say(t.used, { used: size(data.used), limit: size(limit) })}</p>
          {data.trash > 0 && <p class="soft small">{say(t.trash, { bytes: size(data.trash) })}</p>}
          {data.error && (
            <div class="note degraded" role="note">
              <p>{data.error}</p>
            </div>
          )}
          {data.forecast.full && <p class="small">{say(t.full, { time: moment(data.forecast.full) })}</p>}
          {data.forecast.deletions.slice(0, 5).map((each) => (
            <p key={each.recording} class="soft small">
              {moment(each.time)}: {each.sentence}
            </p>
          ))}
        </>
      )}
    </Card>
  );
}
