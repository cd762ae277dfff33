// After too many tries: the seconds that are left, counted down where one would press.
import { useEffect, useState } from "preact/hooks";
import { Refusal, type Unreachable } from "@/api/call";

/** Seconds until another try is worth it; 0: now. */
export function useWait(error: Refusal | Unreachable | null): number {
  const asked = error instanceof Refusal ? error.retryAfter : null;
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (!asked) return setLeft(0);
    const end = performance.now() + asked * 1000;
    const tick = () => setLeft(Math.max(0, Math.ceil((end - performance.now()) / 1000)));
    tick();
    const timer = setInterval(tick, 250);
    return () => clearInterval(timer);
  }, [error]);
  return left;
}

const SHORT = 3;

/** Does it; after a wait that is no longer than a breath (one slip of the finger) once more without a word. */
export async function patiently(deed: () => Promise<unknown>): Promise<void> {
  try {
    await deed();
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "access.throttled" || !error.retryAfter || error.retryAfter > SHORT) throw error;
    const pause = error.retryAfter * 1000;
    await new Promise((resolve) => setTimeout(resolve, pause));
    await deed();
  }
}
