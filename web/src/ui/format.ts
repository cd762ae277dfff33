// Numbers and times as people read them. Pure; the zone is the household's when it is known.
import { signal } from "@preact/signals";

/** The household's time zone (IANA), from `household.get`; the browser's until it is known. */
export const zone = signal<string | undefined>(undefined);

/** Bits a second: `94 Mbit/s`. */
export function rate(bits: number): string {
  return scaled(bits, 1000, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]);
}

/** Bytes: `1.2 GB`. */
export function size(bytes: number): string {
  return scaled(bytes, 1000, ["B", "kB", "MB", "GB", "TB"]);
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let unit = 0;
  while (Math.abs(value) >= step * 0.9995 && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  const digits = unit === 0 || Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${units[unit]}`;
}

/** Seconds: `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(" ");
}

/** A time of day today, day and time otherwise. `text` is RFC 3339. */
export function moment(text: string, now = new Date()): string {
  const time = new Date(text);
  const day = (each: Date) => each.toLocaleDateString("en-CA", { timeZone: zone.value });
  const hour: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: zone.value };
  if (day(time) === day(now)) return time.toLocaleTimeString("en-GB", hour);
  const year: Intl.DateTimeFormatOptions = time.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return time.toLocaleString("en-GB", { ...hour, ...year, day: "numeric", month: "short" });
}

/** How long ago, roughly: `just now`, `4 min ago`. */
export function ago(text: string, now = Date.now()): string {
  const seconds = (now - Date.parse(text)) / 1000;
  return seconds < 10 ? "just now" : `${duration(seconds).split(" ").slice(0, 2).join(" ")} ago`;
}
