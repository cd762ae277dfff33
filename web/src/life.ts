// The link's life: is somebody still signed in, did the box restart while it was away, is it about to?
import { effect, signal } from "@preact/signals";
import { ROUTES } from "#routes";
import { call, type Name, Refusal } from "@/api/call";
import { hurry, link, listen } from "@/api/live";
import { box, leave, may } from "@/api/session";
import { s } from "@/strings/strings";
import { toast } from "@/ui/toast";

/** What is about to restart, from the moment that it is known until the box is back. */
export const restarting = signal<"daemon" | "box" | null>(null);

const LOOK = 4000;
let was: typeof link.value = "off";

/** The page expects the box to go away, because somebody here asked for it. */
export function expect(target: "daemon" | "box"): void {
  restarting.value = target;
}

/** Follows the link for as long as the page lives. */
export function follow(): void {
  listen(["upkeep.restarting"], ({ data }) => {
    const { target } = (data as { restart: { target: string } }).restart;
    restarting.value = target === "box" ? "box" : "daemon";
  });
  effect(() => {
    const now = link.value;
    if (was === "lost" && now === "up") void back();
    was = now;
  });
  setInterval(() => {
    if (link.value === "lost") void look();
  }, LOOK);
}

/** The stream cannot tell "signed out" from "gone": an ordinary question can. */
async function look(): Promise<void> {
  try {
    await call("access.session.get", {});
    hurry();
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) leave();
  }
}

async function back(): Promise<void> {
  const asked = restarting.value;
  restarting.value = null;
  try {
    const before = box.value;
    box.value = await call("info.get", {});
    const updated = before !== null && before.version !== box.value.version;
    const restarted = asked !== null || started(before) !== started(box.value);
    toast(updated ? s.shell.updated : restarted ? s.shell.restarted : s.shell.back);
  } catch {
    // It is gone again already: the next time that it is back says so.
  }
}

/** When the daemon began, where the box tells. */
function started(of: object | null): unknown {
  return of && "started" in of ? of.started : null;
}

/** Whether the box serves this operation at all, and to the one who is signed in. */
export function serves(name: string): name is Name {
  return name in ROUTES && may(name as Name);
}
