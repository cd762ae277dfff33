// Who is on the Wi-Fi now, how well the box hears them, and who knocks with a wrong password.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Reading } from "@/api/use";
import type { Answer } from "@/api/call";
import { plural, s, say } from "@/strings/strings";
import { ago, duration, rate } from "@/ui/format";
import { Blank, Card, Trouble } from "@/ui/parts";
import { bandWords, bars, type Network, type Station } from "@/views/wifi/data";
import { useAnswer } from "@/api/use";

const t = s.wifi.stations;
type Stations = Answer<"wifi.stations.list">;

export function Stations({ stations, networks }: { stations: Reading<Stations>; networks: readonly Network[] }) {
  const rates = useRates(stations.data?.items);
  const radios = useAnswer("wifi.radios.list", {});
  const band = (radio: string | null) => {
    const found = radios.data?.items.find((each) => each.id === radio);
    return found && bandWords([found.band]);
  };
  const items = [...(stations.data?.items ?? [])].sort((one, other) => (other.signal_dbm ?? -200) - (one.signal_dbm ?? -200));
  return (
    <>
      <Trouble error={stations.error} retry={stations.reload} />
      {stations.loading && <Blank lines={5} />}
      {stations.data && items.length === 0 && (
        <Card title={t.title}>
          <p class="soft">{t.empty}</p>
        </Card>
      )}
      {networks.map((network) => {
        const here = items.filter((each) => each.network === network.id);
        return (
          here.length > 0 && (
            <Card key={network.id} title={network.ssid} side={<span class="soft">{plural(here.length, t.one, t.many)}</span>}>
              <ul class="list">
                {here.map((station) => (
                  <One key={station.mac} station={station} network={network} band={band(station.radio)} speed={rates.get(station.mac)} />
                ))}
              </ul>
            </Card>
          )
        );
      })}
      {stations.data && stations.data.refused.length > 0 && <Refused refused={stations.data.refused} />}
    </>
  );
}

function One({ station, network, band, speed }: { station: Station; network: Network; band: string | undefined; speed: Speed | undefined }) {
  const keys = useAnswer("wifi.keys.list", station.key && station.key !== "main" && station.key !== "old" ? { network: network.id } : null);
  const label = keys.data?.items.find((key) => key.id === station.key)?.label;
  const key = station.key === "old" ? t.oldPassword : label;
  return (
    <li class="wifi-station">
      <Signal dbm={station.signal_dbm} />
      <div class="wifi-station-what">
        <strong>{label ?? <code>{station.mac}</code>}</strong>
        {label && <code class="soft small">{station.mac}</code>}
        <span class="soft small">
          {[say(t.since, { time: duration(station.connected_seconds) }), key && key !== label ? key : null, band].filter(Boolean).join(" · ")}
        </span>
      </div>
      <span class="wifi-station-rate small">{speed ? say(t.rates, { down: rate(speed.down), up: rate(speed.up) }) : ""}</span>
    </li>
  );
}

/** Four bars, and the number for those who want it. */
export function Signal({ dbm }: { dbm: number | null }) {
  if (dbm === null) return <span class="soft small">{t.noSignal}</span>;
  const full = bars(dbm);
  return (
    <span class={`wifi-signal b${full}`}>
      <svg viewBox="0 0 28 20" width="28" height="20" role="img" aria-label={t.bars[full]}>
        {[1, 2, 3, 4].map((bar) => (
          <rect key={bar} x={(bar - 1) * 7.5} y={20 - bar * 5} width="5" height={bar * 5} rx="1.5" class={bar <= full ? "on" : "off"} />
        ))}
      </svg>
      <span class="soft small">{dbm} dBm</span>
    </span>
  );
}

interface Speed {
  /** To the device, bit/s. */
  down: number;
  up: number;
}

/** Rates between two readings: the box counts bytes only. */
function useRates(items: readonly Station[] | undefined): Map<string, Speed> {
  const before = useRef<{ at: number; items: readonly Station[] } | null>(null);
  const [rates, set] = useState(new Map<string, Speed>());
  useEffect(() => {
    if (!items) return;
    const at = performance.now();
    const last = before.current;
    if (last && at - last.at < 900) return; // two readings close together tell little
    before.current = { at, items };
    if (!last) return;
    const seconds = (at - last.at) / 1000;
    const found = new Map<string, Speed>();
    for (const item of items) {
      const old = last.items.find((each) => each.mac === item.mac);
      if (!old || item.tx_bytes < old.tx_bytes || item.rx_bytes < old.rx_bytes) continue;
      found.set(item.mac, {
        down: ((item.tx_bytes - old.tx_bytes) * 8) / seconds,
        up: ((item.rx_bytes - old.rx_bytes) * 8) / seconds,
      });
    }
    set(found);
  }, [items]);
  return rates;
}

function Refused({ refused }: { refused: Stations["refused"] }) {
  return (
    <Card title={t.refusedTitle}>
      <p class="soft">{t.refusedWhy}</p>
      <ul class="list">
        {refused.map((one) => (
          <li key={`${one.mac} ${one.network}`} class="spread">
            <code>{one.mac}</code>
            <span class="soft small">{say(t.refused, { n: one.times, network: one.network, when: ago(one.last) })}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
