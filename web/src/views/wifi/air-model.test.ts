import { describe, expect, it } from "vitest";
import { height, layOut, span } from "@/views/wifi/air-model";

describe("the air", () => {
  it("knows what a network covers", () => {
    expect(span("2.4", 6, 20)).toEqual([4, 8]);
    expect(span("2.4", 6, 40)).toEqual([0, 12]);
    expect(span("5", 44, 80)).toEqual([34, 50]);
    expect(span("5", 104, 40)).toEqual([98, 106]);
    expect(span("5", 157, 80)).toEqual([147, 163]);
    expect(span("6", 37, 160)).toEqual([31, 63]);
  });
  it("leaves out what nobody uses, and keeps the order", () => {
    const low = layOut("5", [36, 52]);
    expect(low.x(34)).toBe(0);
    expect(low.x(66)).toBe(1);
    const both = layOut("5", [36, 149]);
    expect(both.x(66)).toBeLessThan(both.x(149));
    expect(both.x(179)).toBe(1);
    const ticks = both.ticks(6);
    expect(ticks).toEqual([...ticks].sort((one, other) => one - other));
    expect(ticks.length).toBeLessThanOrEqual(6);
    expect(low.ticks(20)).toEqual([36, 40, 44, 48, 52, 56, 60, 64]);
  });
  it("draws a band of which nothing is known", () => {
    expect(layOut("2.4", []).ticks(13)).toHaveLength(13);
  });
  it("keeps every signal on the paper", () => {
    for (const dbm of [-200, -95, -60, -30, 0, null]) {
      expect(height(dbm)).toBeGreaterThan(0);
      expect(height(dbm)).toBeLessThanOrEqual(1);
    }
  });
});
