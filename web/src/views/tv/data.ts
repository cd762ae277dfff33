// Words for recordings. Pure.
import type { components } from "#api";
import { plural, s, say } from "@/strings/strings";
import { duration } from "@/ui/format";
import type { State } from "@/ui/parts";

type Schemas = components["schemas"];
export type Recording = Schemas["Recording"];
export type Channel = Schemas["DvrChannel"];
export type Source = Schemas["DvrSource"];
export type Storage = Schemas["DvrStorage"];

/** How a recording is, for its pill. */
export function recordingState(recording: Pick<Recording, "state">): State {
  switch (recording.state) {
    case "recording":
    case "done":
      return "ok";
    case "partial":
    case "conflict":
      return "degraded";
    case "failed":
      return "down";
    default:
      return "unknown";
  }
}

/** Whether there is something to watch. */
export function watchable(recording: Pick<Recording, "state" | "bytes">): boolean {
  return recording.bytes > 0 && (recording.state === "recording" || recording.state === "done" || recording.state === "partial");
}

/** What is missing, in words; nothing when it is whole. */
export function missing(recording: Pick<Recording, "gaps">): string | null {
  const seconds = recording.gaps.reduce((sum, gap) => sum + (Date.parse(gap.to) - Date.parse(gap.from)) / 1000, 0);
  if (recording.gaps.length === 0) return null;
  const time = seconds < 1 ? s.tv.lessThanSecond : duration(seconds);
  return say(plural(recording.gaps.length, s.tv.gap, s.tv.gaps), { time });
}

/** How much of the wanted time has passed, 0 to 1. */
export function passed(recording: Pick<Recording, "start" | "stop">, now: number): number {
  const [start, stop] = [Date.parse(recording.start), Date.parse(recording.stop)];
  return stop > start ? Math.min(1, Math.max(0, (now - start) / (stop - start))) : 0;
}

/** Seconds that were wanted. */
export const wanted = (recording: Pick<Recording, "start" | "stop">): number =>
  (Date.parse(recording.stop) - Date.parse(recording.start)) / 1000;
