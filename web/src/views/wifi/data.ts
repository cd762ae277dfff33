// What the cards of this view share: types, words for states, the change that is followed, whose clock counts.
import { signal } from "@preact/signals";
import type { components } from "#api";
import type { Arguments } from "@/api/call";
import { listen } from "@/api/live";
import { s } from "@/strings/strings";
import type { State } from "@/ui/parts";

type Schemas = components["schemas"];
export type Network = Schemas["WifiNetwork"];
export type Change = Schemas["WifiChange"];
export type Impact = Schemas["WifiImpact"];
export type Station = Schemas["WifiStation"];
export type Radio = Schemas["WifiRadio"];
export type Window = Schemas["Window"];
export type Key = Schemas["WifiKey"];
export type Security = Schemas["Security"];
export type Band = Schemas["Band"];

/** What a change of a network wants to be different. */
export type NetworkPatch = Omit<Arguments<"wifi.networks.preview">, "network">;
/** What a change of a radio wants to be different. */
export type RadioPatch = Omit<Arguments<"wifi.radios.preview">, "radio">;

const KEPT = "wifi.followed";

function remembered(): string | null {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null; // a browser may forbid it; then a reload forgets
  }
}

/** The change that this window made, until its end was read and put away; a reload does not forget it. */
export const followed = signal<string | null>(remembered());

export function follow(change: string | null): void {
  followed.value = change;
  try {
    if (change) sessionStorage.setItem(KEPT, change);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // as above
  }
}

/** Whether nothing more will happen to a change by itself. */
export function ended(change: Change): boolean {
  return change.state === "applied" || change.state === "rolled_back";
}

/** Milliseconds that the box's clock is ahead of this one's, as well as its events tell. */
let ahead: number | null = null;
listen(["*"], (event) => {
  const told = Date.parse(event.time) - Date.now();
  // An event that waited for us says too little: the greatest is the truest.
  if (Number.isFinite(told)) ahead = ahead === null ? told : Math.max(ahead, told);
});

/** Now, by the box's clock. */
export const boxNow = (): number => Date.now() + (ahead ?? 0);

/** Seconds until a moment of the box, never below 0. */
export function until(moment: string, now = boxNow()): number {
  return Math.max(0, (Date.parse(moment) - now) / 1000);
}

/** `4:05` */
export function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** How many of four bars a signal gets. Below -80 dBm hardly anything gets through, at -55 all is well. */
export function bars(dbm: number): 1 | 2 | 3 | 4 {
  return dbm >= -55 ? 4 : dbm >= -67 ? 3 : dbm >= -77 ? 2 : 1;
}

/** How a network is, for its pill. */
export function networkState(network: Network): State {
  if (network.state === "on_air") return "ok";
  if (network.state === "down") return "down";
  return network.state === "changing" ? "degraded" : "unknown";
}

/** How a change is, for its pill. */
export function changeState(change: Change): State {
  if (change.state === "applied") return "ok";
  return change.state === "rolled_back" ? "down" : "degraded";
}

/** `2.4 and 5 GHz` */
export function bandWords(bands: readonly string[]): string {
  return `${bands.join(` ${s.wifi.and} `)} GHz`;
}

/** What a passphrase is worth: why it cannot be one, or how strong it is. Limits are the box's. */
export function worth(words: string): "short" | "long" | "signs" | "weak" | "fair" | "strong" {
  if (words.length < 8) return "short";
  if (words.length > 63) return /^[0-9a-fA-F]{64}$/.test(words) ? "strong" : "long";
  if (!/^[\x20-\x7e]*$/.test(words)) return "signs";
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/].filter((kind) => kind.test(words)).length;
  const different = new Set(words).size;
  const bits = different < 5 ? 20 : words.length * (kinds === 1 ? 3.5 : 4.5);
  return bits < 45 ? "weak" : bits < 65 ? "fair" : "strong";
}

/** The bytes of a name on the air; 32 at most. */
export const nameBytes = (name: string): number => new TextEncoder().encode(name).length;
