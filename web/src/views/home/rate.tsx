// How much moves just now, as the Wi-Fi's devices count it.
import { useEffect, useRef, useState } from "preact/hooks";
import { useAnswer } from "@/api/use";
import { plural, s, say } from "@/strings/strings";
import { rate } from "@/ui/format";
import { Icon } from "@/ui/icon";
import { Blank, Card, Trouble } from "@/ui/parts";
import { type Counted, curve, flow } from "@/views/home/headline";

const EVERY = 2500;
const MOST = 48; // two minutes
const WIDE = 300;
const HIGH = 64;

interface Flow {
  down: number;
  up: number;
}

export function Rate() {
  const stations = useAnswer("wifi.stations.list", {}, [], EVERY);
  const before = useRef<{ at: number; items: readonly Counted[] } | null>(null);
  const [past, setPast] = useState<readonly Flow[]>([]);
  useEffect(() => {
    if (!stations.data) return;
    const at = performance.now();
    const last = before.current;
    before.current = { at, items: stations.data.items };
    // Two readings right after one another tell nothing of a rate.
    if (last && at - last.at > EVERY / 3) {
      const now = flow(last.items, stations.data.items, (at - last.at) / 1000);
      setPast((known) => [...known.slice(1 - MOST), now]);
    }
  }, [stations.data]);
  const now = past.at(-1);
  const top = Math.max(100_000, ...past.flatMap(({ down, up }) => [down, up]));
  return (
    <Card title={s.home.rate.title}>
      {!now && (stations.error ? <Trouble error={stations.error} retry={stations.reload} /> : <Blank lines={3} />)}
      {now && (
        <>
          <div class="home-rates">
            <p>
              <span class="soft small">
                <Icon name="down" size={16} /> {s.home.rate.down}
              </span>
              <strong>{rate(now.down)}</strong>
            </p>
            <p class="up">
              <span class="soft small">
                <Icon name="up" size={16} /> {s.home.rate.up}
              </span>
              <strong>{rate(now.up)}</strong>
            </p>
          </div>
          {past.length > 1 && (
            <svg class="home-curve" viewBox={`0 -2 ${WIDE} ${HIGH + 4}`} preserveAspectRatio="none" role="img" aria-label={say(s.home.rate.curve, { most: rate(top) })}>
              <line class="ground" x1="0" x2={WIDE} y1={HIGH} y2={HIGH} />
              <polyline class="up" points={curve(past.map(({ up }) => up), MOST, top, WIDE, HIGH)} />
              <polyline class="down" points={curve(past.map(({ down }) => down), MOST, top, WIDE, HIGH)} />
            </svg>
          )}
          <p class="small soft">{plural(stations.data?.items.length ?? 0, s.home.rate.one, s.home.rate.many)}</p>
        </>
      )}
    </Card>
  );
}
