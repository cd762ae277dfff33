// Who uses the page, and what they may do: every view asks here before it shows anything.
import { computed, signal } from "@preact/signals";
import { ROUTES } from "#routes";
import { type Answer, call, type Name, Refusal } from "@/api/call";
import * as live from "@/api/live";

export type Me = Answer<"access.session.get">;

/** `null` while it is not known yet; `"none"` when nobody is signed in. */
export const me = signal<Me | "none" | null>(null);
/** Who the box is; the same to everybody. */
export const box = signal<Answer<"info.get"> | null>(null);

const scopes = computed(() => (me.value && me.value !== "none" ? new Set<string>(me.value.scopes) : new Set<string>()));
export const role = computed(() => (me.value && me.value !== "none" ? me.value.role : "anonymous"));

/** Whether the one who is signed in may call this operation. */
export function may(name: Name): boolean {
  const { scope } = ROUTES[name];
  return scope === null || scopes.value.has(scope);
}

/** Reads who the box is and who is signed in. Raises Unreachable. */
export async function know(): Promise<void> {
  box.value = await call("info.get", {});
  try {
    me.value = await call("access.session.get", {});
    live.begin();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    leave();
  }
}

/** The session is over, or there was none. */
export function leave(): void {
  me.value = "none";
  live.end();
}
