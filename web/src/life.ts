// The link's life: is somebody still signed in, did the box restart while it was away, is it about to?
import { effect, signal } from "@preact/signals";
import { call, Refusal } from "@/api/call";
import { hurry, link, listen } from "@/api/live";
import { box, leave } from "@/api/session";
import { s } from "@/strings/strings";
import { toast } from "@/ui/toast";

/** What is about to restart, from the moment that it is known until the box is back. */
export const restarting = signal<"daemon" | "box" | null>(null);

const LOOK = 4000;
const LONGEST = { daemon: 60_000, box: 300_000 };
let giveUp: number | undefined;
let was: typeof link.value = "off";

/** The page expects the box to go away; a restart that never came is not waited for for ever. */
export function expect(target: "daemon" | "box"): void {
  restarting.value = target;
  clearTimeout(giveUp);
  giveUp = window.setTimeout(() => {
    restarting.value = null;
  }, LONGEST[target]);
}

/** Follows the link for as long as the page lives. */
export function follow(): void {
  listen(["upkeep.restarting"], ({ data }) => {
    const { target } = (data as { restart: { target: string } }).restart;
    expect(target === "box" ? "box" : "daemon");
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
  restarting.value = null;
  clearTimeout(giveUp);
  try {
    const before = box.value;
    box.value = await call("info.get", {});
    const updated = before !== null && before.version !== box.value.version;
    const restarted = before !== null && before.started !== box.value.started;
    toast(updated ? s.shell.updated : restarted ? s.shell.restarted : s.shell.back);
  } catch {
    // It is gone again already: the next time that it is back says so.
  }
}
