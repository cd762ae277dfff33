// One band drawn: every network as a hill over the channels that it covers, ours in colour.
import { s, say } from "@/strings/strings";
import { height, layOut, type Neighbour, span } from "@/views/wifi/air-model";
import type { Radio } from "@/views/wifi/data";

const t = s.wifi.air;
const WIDE = 400;
const HIGH = 220;
const TOP = 26;
const GROUND = 180;

interface Props {
  band: string;
  neighbours: readonly Neighbour[];
  /** How busy the air is on a channel, 0 to 1. */
  busy: ReadonlyMap<number, number>;
  radio: Radio | undefined;
  /** What our own network is called. */
  name: string;
}

export function AirMap({ band, neighbours, busy, radio, name }: Props) {
  const own = radio?.channel ?? null;
  const used = [...neighbours.map((each) => each.channel), ...busy.keys(), ...(own === null ? [] : [own])];
  const scale = layOut(band, used);
  const x = (channel: number) => 8 + scale.x(channel) * (WIDE - 16);
  const others = neighbours.filter((each) => !each.own).sort((one, other) => (other.signal_dbm ?? -200) - (one.signal_dbm ?? -200));
  return (
    <svg class="wifi-map" viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={say(t.map, { band, n: others.length })}>
      {[...busy].map(([channel, share]) => {
        const [low, high] = span(band, channel, 20);
        const tall = share * (GROUND - TOP);
        return <rect key={channel} class="busy" x={x(low)} width={x(high) - x(low)} y={GROUND - tall} height={tall} />;
      })}
      {[...others].reverse().map((each) => (
        <path key={each.bssid} class="other" d={hill(span(band, each.channel, each.width), each.signal_dbm, x)} />
      ))}
      {own !== null && <path class="own" d={hill(span(band, own, radio?.width ?? 20), -35, x)} />}
      <line class="ground" x1="0" x2={WIDE} y1={GROUND} y2={GROUND} />
      {scale.ticks(12).map((tick) => (
        <text key={tick} class={tick === own ? "tick here" : "tick"} x={x(tick)} y={GROUND + 24} text-anchor="middle">
          {tick}
        </text>
      ))}
      {labels(others, band, x, own === null ? null : { x: x(middle(band, own, radio?.width ?? 20)), name }).map((label) => (
        <text key={label.key} class={label.own ? "name own" : "name"} x={label.x} y={label.y} text-anchor="middle">
          {label.text}
        </text>
      ))}
    </svg>
  );
}

const level = (dbm: number | null) => GROUND - height(dbm) * (GROUND - TOP);

function middle(band: string, channel: number, width: number): number {
  const [low, high] = span(band, channel, width);
  return (low + high) / 2;
}

function hill([low, high]: [number, number], dbm: number | null, x: (channel: number) => number): string {
  const [left, right, top] = [x(low), x(high), level(dbm)];
  const foot = Math.min(14, (right - left) / 4);
  return `M${left} ${GROUND}C${left + foot} ${GROUND} ${left + foot} ${top} ${left + 2 * foot} ${top}H${right - 2 * foot}C${right - foot} ${top} ${right - foot} ${GROUND} ${right} ${GROUND}Z`;
}

interface Label {
  key: string;
  x: number;
  y: number;
  text: string;
  own: boolean;
}

/** Names of the loudest, as many as find room: none lies over another. */
function labels(others: readonly Neighbour[], band: string, x: (channel: number) => number, own: { x: number; name: string } | null): Label[] {
  const placed: Label[] = [];
  const put = (key: string, at: number, y: number, name: string, mine: boolean) => {
    const text = name.length > 14 ? `${name.slice(0, 13)}…` : name;
    const half = text.length * (mine ? 4.6 : 4) + 4;
    const label = { key, x: Math.min(WIDE - half, Math.max(half, at)), y, text, own: mine };
    const free = placed.every((each) => Math.abs(each.x - label.x) > half + each.text.length * 4 || Math.abs(each.y - y) > 15);
    if (free) placed.push(label);
  };
  if (own) put("own", own.x, level(-35) - 7, own.name, true);
  for (const each of others.slice(0, 8)) {
    put(each.bssid, x(middle(band, each.channel, each.width)), level(each.signal_dbm) - 6, each.ssid || t.hidden, false);
  }
  return placed;
}
