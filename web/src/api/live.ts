// One WebSocket for the whole page. It resumes where it was, says when it is lost, and heals by itself.
import { signal } from "@preact/signals";

export interface LiveEvent {
  epoch: string;
  seq: number;
  time: string;
  type: string;
  data: Record<string, unknown>;
}

type Listener = (event: LiveEvent) => void;

/** `up`: events flow. `lost`: they do not, and the page tries. `off`: nobody is signed in. */
export const link = signal<"off" | "connecting" | "up" | "lost">("off");
/** Counts what may have been missed (a gap, another life of the daemon): whoever shows a state reads it again. */
export const missed = signal(0);

const listeners = new Map<Listener, readonly string[]>();
let socket: WebSocket | null = null;
let retry: number | undefined;
let attempts = 0;
let last: { epoch: string; seq: number } | null = null;
let wanted = false;

/** Hears events whose type matches one of `topics` (`wifi.*`, `jobs.changed`) until the answer is called. */
export function listen(topics: readonly string[], listener: Listener): () => void {
  const own: Listener = (event) => listener(event);
  listeners.set(own, topics);
  return () => listeners.delete(own);
}

/** Opens the stream; call it when somebody is signed in. */
export function begin(): void {
  wanted = true;
  if (!socket) open();
}

/** Closes it for good, and forgets where it was. */
export function end(): void {
  wanted = false;
  last = null;
  clearTimeout(retry);
  socket?.close();
  socket = null;
  link.value = "off";
}

/** Tries at once: somebody came back to the page, or the network did. */
export function hurry(): void {
  if (wanted && link.value !== "up") {
    clearTimeout(retry);
    attempts = 0;
    open();
  }
}

function open(): void {
  socket?.close();
  const where = new URL("/v1/events", location.href);
  where.protocol = where.protocol.replace("http", "ws");
  if (last) {
    where.searchParams.set("since", String(last.seq));
    where.searchParams.set("epoch", last.epoch);
  }
  if (link.value !== "lost") link.value = "connecting";
  const own = new WebSocket(where);
  socket = own;
  own.onopen = () => {
    if (socket !== own) return;
    attempts = 0;
    link.value = "up";
    missed.value += 1; // the first time this means: read all
  };
  own.onmessage = (message: MessageEvent<string>) => {
    if (socket === own) hear(JSON.parse(message.data) as LiveEvent);
  };
  own.onclose = () => {
    if (socket !== own) return;
    socket = null;
    if (!wanted) return;
    link.value = "lost";
    retry = window.setTimeout(open, pause(attempts++));
  };
}

/** Milliseconds before the next attempt: quick at first, never slower than one in ten seconds. */
export function pause(attempt: number): number {
  return Math.min(10_000, 400 * 2 ** attempt) * (0.75 + Math.random() / 2);
}

function hear(event: LiveEvent): void {
  if (event.type === "gap" || (last && last.epoch !== event.epoch)) missed.value += 1;
  last = { epoch: event.epoch, seq: event.seq };
  for (const [listener, topics] of listeners) {
    if (topics.some((topic) => matches(topic, event.type))) listener(event);
  }
}

/** Whether an event's type belongs to a topic: the very one, or everything below `area.*`. */
export function matches(topic: string, type: string): boolean {
  return topic === type || topic === "*" || (topic.endsWith(".*") && type.startsWith(topic.slice(0, -1)));
}
