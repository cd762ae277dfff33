// What the box's results mean for the eye: pure, so that it can be tested without a page.
import type { Answer } from "@/api/call";
import type { State } from "@/ui/parts";

export type Run = Answer<"diagnostics.runs.get">;
export type Diagnosis = Run["diagnosis"];
export type Evidence = Diagnosis["evidence"][number];
export type Found = Run["results"][number];
export type Check = Found["check"];
export type Layer = Diagnosis["layer"];
export type Status = Evidence["status"];
export type Light = Status | "waiting" | "looking";

/** From the box outwards: the way that a packet takes, then what rides on it. */
export const LAYERS = [
  "box",
  "link",
  "address",
  "gateway",
  "edge",
  "internet",
  "dns",
  "http",
  "transport",
  "quality",
  "wifi",
  "services",
] as const satisfies readonly Layer[];

// Whole by its type: a check that the box learns has to be put somewhere before the page can be built.
const LAYER_OF: Record<Check, (typeof LAYERS)[number]> = {
  self: "box",
  clock: "box",
  pace: "box",
  link: "link",
  carrier: "link",
  address: "address",
  duplicate: "address",
  gateway: "gateway",
  edge: "edge",
  internet: "internet",
  stability: "internet",
  dns: "dns",
  http: "http",
  tls: "transport",
  mtu: "transport",
  line: "quality",
  quality: "quality",
  load: "quality",
  wifi: "wifi",
  lan: "wifi",
  tv: "services",
  phone: "services",
  mail: "services",
  cloud: "services",
};

export const CHECKS = Object.keys(LAYER_OF).length;

export interface Rung {
  layer: (typeof LAYERS)[number];
  light: Light;
  checks: readonly { check: string; status: Status; detail: string; seconds: number }[];
}

const WORST: readonly Status[] = ["failed", "warn", "ok", "unknown", "skipped"];

/** The ladder of layers, as lit as the results allow. While it runs, a layer speaks once all its checks have. */
export function ladder(found: readonly (Found | Evidence)[], running: boolean): Rung[] {
  return LAYERS.map((layer) => {
    const expected = Object.values(LAYER_OF).filter((each) => each === layer).length;
    const checks = found
      .filter((each) => LAYER_OF[each.check as Check] === layer)
      .map(({ check, status, detail, seconds }) => ({ check, status, detail: detail ?? "", seconds: seconds ?? 0 }));
    return { layer, light: lit(checks, expected, running), checks };
  });
}

function lit(checks: Rung["checks"], expected: number, running: boolean): Light {
  const worst = WORST.find((status) => checks.some((each) => each.status === status));
  if (!running) return worst ?? "skipped";
  if (worst === "failed") return worst; // it cannot get better: say it at once
  if (checks.length < expected || !worst) return checks.length ? "looking" : "waiting";
  return worst;
}

/** How a light looks among the page's four states. */
export function shown(light: Light): State {
  return light === "ok" ? "ok" : light === "warn" ? "degraded" : light === "failed" ? "down" : "unknown";
}

/** A verdict's colour: red only when the internet itself is gone. */
export function severity(found: Pick<Diagnosis, "verdict" | "evidence">): State {
  if (found.verdict.startsWith("OK")) return "ok";
  if (found.verdict === "UNKNOWN") return "unknown";
  const internet = found.evidence.find((each) => each.check === "internet");
  return internet && internet.status !== "ok" && internet.status !== "warn" ? "down" : "degraded";
}

/** Share of available time, never rounded up to all of it. */
export function share(available: number | null): string {
  if (available === null) return "-";
  return available === 1 ? "100 %" : `${Math.min(99.99, available * 100).toFixed(2)} %`;
}

export type Day = Answer<"diagnostics.availability.get">["days"][number];

/** The shade of a day: 0 whole, 1 up to five minutes, 2 up to an hour, 3 more, 4 not watched. */
export function shade(day: Pick<Day, "available" | "down" | "partly">): 0 | 1 | 2 | 3 | 4 {
  if (day.available === null) return 4;
  const gone = Math.max(day.down, day.partly ? 1 : 0);
  return gone === 0 ? 0 : gone <= 300 ? 1 : gone <= 3600 ? 2 : 3;
}

/** How much of the last month the internet was there, over the days that were watched; null when none was. */
export function standing(days: readonly Day[]): { available: number | null; days: number } {
  const seen = days.slice(-31).filter((each) => each.available !== null);
  const watched = seen.reduce((sum, each) => sum + each.watched, 0);
  const down = seen.reduce((sum, each) => sum + each.down, 0);
  return { available: watched > 0 ? 1 - down / watched : null, days: seen.length };
}

export interface Month {
  name: string;
  /** Empty cells before the first day, so that columns are weekdays from Monday on. */
  lead: number;
  days: readonly Day[];
}

/** Days put into months as a wall calendar has them; days are ISO dates, oldest first. */
export function months(days: readonly Day[]): Month[] {
  const names = [...new Set(days.map((each) => each.period.slice(0, 7)))];
  return names.map((name) => {
    const within = days.filter((each) => each.period.startsWith(name));
    const first = new Date(`${within[0]?.period ?? name}T12:00:00Z`);
    return { name, lead: (first.getUTCDay() + 6) % 7, days: within };
  });
}

/** `November 2026` of `2026-11`; `23 November` of `2026-11-23`. */
export function named(period: string): string {
  const day = period.length > 7;
  const time = new Date(`${day ? period : `${period}-01`}T12:00:00Z`);
  return time.toLocaleDateString("en-GB", { timeZone: "UTC", month: "long", ...(day ? { day: "numeric" } : { year: "numeric" }) });
}

export type Grade = "good" | "fair" | "poor";

/** Latency under load in a word: round trips a minute below 1000 are felt, below 300 they hurt. */
export function grade(rpm: readonly number[]): Grade | null {
  if (rpm.length === 0) return null;
  const worst = Math.min(...rpm);
  return worst < 300 ? "poor" : worst < 1000 ? "fair" : "good";
}
