// Every word of the page comes from one catalogue; a language is one file of the same shape.
import { en } from "@/strings/en";

export type Catalogue = typeof en;

/** The catalogue in use. Another language is chosen here, by `navigator.languages`, once there is one. */
export const s: Catalogue = en;

/** Fills `{name}` places of a sentence. */
export function say(sentence: string, given: Record<string, string | number>): string {
  return sentence.replace(/{(\w+)}/g, (place, name: string) => (name in given ? String(given[name]) : place));
}

/** One of two wordings, by number: `plural(n, "{n} device", "{n} devices")`. */
export function plural(n: number, one: string, many: string): string {
  return say(n === 1 ? one : many, { n });
}
