import { describe, expect, it } from "vitest";
import { CHECKS, type Day, type Evidence, grade, ladder, months, named, severity, shade, share, standing } from "./model";

const found = (check: string, status: Evidence["status"], layer: Evidence["layer"] = "none"): Evidence => ({
  check,
  status,
  layer,
  detail: "",
  seconds: 0,
});
const day = (period: string, more: Partial<Day> = {}): Day => ({
  period,
  watched: 86_400,
  down: 0,
  partly: 0,
  outages: 0,
  available: 1,
  ...more,
});

describe("the ladder", () => {
  const light = (results: Evidence[], running: boolean, layer: string) =>
    ladder(results, running).find((each) => each.layer === layer)?.light;

  it("waits for every check of a layer while it runs", () => {
    expect(light([], true, "link")).toBe("waiting");
    expect(light([found("link", "ok")], true, "link")).toBe("looking");
    expect(light([found("link", "ok"), found("carrier", "ok")], true, "link")).toBe("ok");
  });
  it("tells a fault at once, and the worst at the end", () => {
    expect(light([found("link", "failed")], true, "link")).toBe("failed");
    expect(light([found("link", "ok"), found("carrier", "warn")], false, "link")).toBe("warn");
    expect(light([found("link", "ok"), found("carrier", "skipped")], false, "link")).toBe("ok");
    expect(light([], false, "link")).toBe("skipped");
  });
  it("has a place for every check", () => expect(CHECKS).toBe(24));
});

describe("severity", () => {
  it("is red only without internet", () => {
    expect(severity({ verdict: "OK_IPV6_ONLY", evidence: [] })).toBe("ok");
    expect(severity({ verdict: "UNKNOWN", evidence: [] })).toBe("unknown");
    expect(severity({ verdict: "DNS_SLOW", evidence: [found("internet", "ok")] })).toBe("degraded");
    expect(severity({ verdict: "LINK_DOWN", evidence: [found("internet", "skipped")] })).toBe("down");
  });
});

describe("days", () => {
  it("never rounds up to all of the time", () => {
    expect(share(1)).toBe("100 %");
    expect(share(0.999999)).toBe("99.99 %");
    expect(share(0.5)).toBe("50.00 %");
    expect(share(null)).toBe("-");
  });
  it("have shades", () => {
    const shades = [{}, { down: 300 }, { down: 301 }, { down: 3601 }, { available: null }, { partly: 9000 }];
    expect(shades.map((more) => shade(day("2026-11-01", more)))).toEqual([0, 1, 2, 3, 4, 1]);
  });
  it("add up, those that were watched", () => {
    expect(standing([])).toEqual({ available: null, days: 0 });
    const two = [day("2026-11-01", { available: null, watched: 0 }), day("2026-11-02", { down: 8640 }), day("2026-11-03")];
    expect(standing(two)).toEqual({ available: 0.95, days: 2 });
  });
  it("stand under their weekday", () => {
    const found = months([day("2026-10-31"), day("2026-11-01"), day("2026-11-02")]);
    expect(found.map(({ name, lead, days }) => [name, lead, days.length])).toEqual([
      ["2026-10", 5, 1],
      ["2026-11", 6, 2],
    ]);
  });
  it("have names", () => {
    expect(named("2026-11")).toBe("November 2026");
    expect(named("2026-11-03")).toBe("3 November");
  });
});

it("grades latency under load by its worse direction", () => {
  expect(grade([])).toBeNull();
  expect(grade([2900, 1100])).toBe("good");
  expect(grade([2900, 999])).toBe("fair");
  expect(grade([299, 2900])).toBe("poor");
});
