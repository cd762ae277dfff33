import { describe, expect, it } from "vitest";
import { missing, passed, recordingState, watchable } from "@/views/tv/data";

const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1000).toISOString();

describe("a recording in words", () => {
  it("says what is missing, and nothing of one that is whole", () => {
    expect(missing({ gaps: [] })).toBeNull();
    expect(missing({ gaps: [{ from: at(0), to: at(14) }] })).toBe("One gap: 14 s are missing.");
    expect(missing({ gaps: [{ from: at(0), to: at(60) }, { from: at(90), to: at(100) }] })).toBe("2 gaps: 1 min 10 s are missing.");
    expect(missing({ gaps: [{ from: at(0), to: at(0.3) }] })).toBe("One gap: less than a second are missing.");
  });
  it("knows how far it is", () => {
    expect(passed({ start: at(0), stop: at(100) }, Date.parse(at(25)))).toBe(0.25);
    expect(passed({ start: at(0), stop: at(100) }, Date.parse(at(-5)))).toBe(0);
    expect(passed({ start: at(0), stop: at(0) }, 0)).toBe(0);
  });
  it("plays what has bytes", () => {
    expect(watchable({ state: "recording", bytes: 0 })).toBe(false);
    expect(watchable({ state: "partial", bytes: 9 })).toBe(true);
    expect(watchable({ state: "trash", bytes: 9 })).toBe(false);
  });
  it("has a shape for every state", () => {
    expect(recordingState({ state: "failed" })).toBe("down");
    expect(recordingState({ state: "scheduled" })).toBe("unknown");
  });
});
