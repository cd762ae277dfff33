import { expect, it } from "vitest";
import { curves } from "./curve";

it("draws both directions over one time, from the first load on", () => {
  const samples = [
    { at: 10, stage: "listening", rate: null },
    { at: 12, stage: "down", rate: 50 },
    { at: 12.5, stage: "down", rate: 90 },
    { at: 13.5, stage: "up", rate: 20 },
  ] as const;
  expect(curves(samples)).toEqual({ x: [0, 0.5, 1.5], down: [50, 90, null], up: [null, null, 20] });
  expect(curves([])).toEqual({ x: [], down: [], up: [] });
});
