// The samples of a speed test as two curves over one time. Pure.
import type { SpeedProgress } from "./results";

export interface Sample {
  /** Seconds on a clock that nobody sets. */
  at: number;
  stage: SpeedProgress["stage"];
  /** bit/s */
  rate: number | null;
}

export interface Curves {
  x: number[];
  down: (number | null)[];
  up: (number | null)[];
}

/** Both directions from the first sample of either on; where one is measured, the other has a hole. */
export function curves(samples: readonly Sample[]): Curves {
  const loaded = samples.filter(({ stage, rate }) => (stage === "down" || stage === "up") && rate !== null);
  const first = loaded[0]?.at ?? 0;
  const of = (way: "down" | "up") => loaded.map(({ stage, rate }) => (stage === way ? rate : null));
  return { x: loaded.map(({ at }) => at - first), down: of("down"), up: of("up") };
}
