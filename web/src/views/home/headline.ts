// The one sentence of Home, and what each part of the map is called. Pure.
import type { Answer } from "@/api/call";
import type { State } from "@/ui/parts";

export type Status = Answer<"status.get">;

export interface Headline {
  state: State;
  /** A sentence of the box's own; null: everything works. */
  sentence: string | null;
  /** Which part it is about. */
  part: "internet" | "wifi" | "health" | "dvr" | null;
}

const ORDER = ["internet", "wifi", "health", "dvr"] as const;

/** The worst that is known now, the way in to the house before what is in it; else that everything works. */
export function headline(status: Status, television: boolean): Headline {
  const parts = ORDER.filter((part) => part !== "dvr" || television);
  for (const state of ["down", "degraded"] as const) {
    const part = parts.find((each) => status[each].state === state);
    if (part) return { state, sentence: status[part].sentence, part };
  }
  // Nobody looked at the line: then nobody can say that everything works.
  if (status.internet.state === "unknown") return { state: "unknown", sentence: status.internet.sentence, part: "internet" };
  return { state: "ok", sentence: null, part: null };
}

/** Alerts that say more than the headline does; those of access have a list of their own. */
export function worthTelling(status: Status, line: Headline): Status["alerts"] {
  return status.alerts.filter((alert) => !alert.code.startsWith("access.") && alert.sentence !== line.sentence);
}

export interface Counted {
  mac: string;
  rx_bytes: number;
  tx_bytes: number;
}

/** Bits a second to and from devices between two readings; a device that came or began to count anew is left out. */
export function flow(before: readonly Counted[], now: readonly Counted[], seconds: number): { down: number; up: number } {
  const old = new Map(before.map((each) => [each.mac, each]));
  let down = 0;
  let up = 0;
  for (const each of now) {
    const was = old.get(each.mac);
    if (!was || each.tx_bytes < was.tx_bytes || each.rx_bytes < was.rx_bytes) continue;
    down += each.tx_bytes - was.tx_bytes;
    up += each.rx_bytes - was.rx_bytes;
  }
  return seconds > 0 ? { down: (down * 8) / seconds, up: (up * 8) / seconds } : { down: 0, up: 0 };
}

/** A curve's points in a box of `width` by `height`, newest at the right edge, `most` points wide. */
export function curve(values: readonly number[], most: number, top: number, width: number, height: number): string {
  const step = width / Math.max(1, most - 1);
  const start = width - (values.length - 1) * step;
  return values.map((value, at) => `${(start + at * step).toFixed(1)},${(height - (value / (top || 1)) * height).toFixed(1)}`).join(" ");
}
