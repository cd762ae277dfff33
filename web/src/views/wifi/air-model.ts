// The air of one band as a drawing: where each network lies and how high it reaches. Pure.

import type { components } from "#api";

/** The result of a survey, as the job tells it. */
export type Survey = components["schemas"]["WifiSurvey"];
export type Neighbour = components["schemas"]["WifiNeighbour"];

/** From the quietest that counts to the loudest that is drawn, dBm. */
export const FLOOR = -95;
export const CEILING = -30;

/** Stretches of channel numbers that belong together; what lies between them is no Wi-Fi, and is left out. */
const STRETCHES: Record<string, readonly (readonly [number, number])[]> = {
  "2.4": [[-1, 15]],
  "5": [
    [34, 66],
    [98, 146],
    [147, 179],
  ],
  "6": [[-1, 235]],
};

/** First and last channel number that a network covers (channel numbers are 5 MHz apart). */
export function span(band: string, channel: number, width: number): [number, number] {
  if (width <= 20) return [channel - 2, channel + 2];
  if (band === "2.4") return [channel - width / 5 + 2, channel + width / 5 - 2]; // nobody tells on which side its half is
  const first = band === "6" ? 1 : channel < 100 ? 36 : channel < 149 ? 100 : 149;
  const block = Math.floor((channel - first) / 4 / (width / 20)) * (width / 20) * 4 + first;
  return [block - 2, block + (width / 20 - 1) * 4 + 2];
}

export interface Scale {
  /** Where a channel number lies, 0 to 1. */
  x: (channel: number) => number;
  /** Channels to write below, as many as that at most. */
  ticks: (most: number) => number[];
}

/** Lays out a band; stretches in which no channel of `used` lies take no room. */
export function layOut(band: string, used: readonly number[]): Scale {
  const stretches = (STRETCHES[band] ?? [[0, 235]]).filter(([low, high]) => used.some((each) => each >= low && each <= high));
  const shown = stretches.length ? stretches : (STRETCHES[band] ?? [[0, 235]]).slice(0, 1);
  const gap = shown.length > 1 ? 4 : 0;
  const whole = shown.reduce((sum, [low, high]) => sum + high - low + gap, -gap);
  const x = (channel: number) => {
    let before = 0;
    for (const [low, high] of shown) {
      if (channel <= high) return (before + Math.max(0, channel - low)) / whole;
      before += high - low + gap;
    }
    return 1;
  };
  const ticks = (most: number) => {
    const all = shown.flatMap(([low, high]) => channels(band, low, high).map((each, index) => [each, index] as const));
    let step = 1;
    while (all.filter(([, index]) => index % step === 0).length > most) step += 1;
    return all.filter(([, index]) => index % step === 0).map(([each]) => each);
  };
  return { x, ticks };
}

/** The numbers of the 20 MHz channels of a stretch. */
function channels(band: string, low: number, high: number): number[] {
  const [first, last, step] = band === "2.4" ? [1, 13, 1] : [band === "6" ? 1 : low + 2, high - 2, 4];
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);
}

/** How high a signal reaches, 0 to 1; unknown is low. */
export function height(dbm: number | null): number {
  return dbm === null ? 0.15 : Math.min(1, Math.max(0.06, (dbm - FLOOR) / (CEILING - FLOOR)));
}
