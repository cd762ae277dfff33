// The one way to ask the box: an operation by its name, its arguments in one flat object, as everybody else does.
import { ROUTES } from "#routes";
import type { operations } from "#api";

export type Name = keyof typeof ROUTES & keyof operations;

type Body<O> = O extends { requestBody?: { content: { "application/json": infer B } } } ? B : unknown;
type Query<O> = O extends { parameters: { query?: infer Q } } ? NonNullable<Q> : unknown;
type Path<O> = O extends { parameters: { path: infer P } } ? P : unknown;
type Given<T> = [T] extends [never] ? unknown : T;

/** What an operation takes: fields of its path, query and body in one object. */
export type Arguments<N extends Name> = Given<Path<operations[N]>> &
  Given<Query<operations[N]>> &
  Given<NonNullable<Body<operations[N]>>>;

type Content<R> = R extends { content: { "application/json": infer B } } ? B : never;
type Responses<O> = O extends { responses: infer R } ? R : never;
type Good<R> = { [S in keyof R]: S extends 200 | 201 | 202 ? Content<R[S]> : never }[keyof R];

/** What an operation answers. */
export type Answer<N extends Name> = Good<Responses<operations[N]>>;

/** A refusal (RFC 9457). `code` is stable; `detail` is a sentence for people; `field` names an argument. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly field: string | null = null,
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
    this.name = "Refusal";
  }
}

/** The box did not answer at all, or not with its own words. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

interface Hooks {
  /** Somebody proves himself anew; false when he would rather not. */
  stepUp: () => Promise<boolean>;
  /** The session is over. */
  signedOut: () => void;
}
const hooks: Hooks = { stepUp: () => Promise.resolve(false), signedOut: () => undefined };

/** Set once by the page: what to do when a proof is asked for and when the session has ended. */
export function onAccess(given: Hooks): void {
  Object.assign(hooks, given);
}

export interface Options {
  signal?: AbortSignal;
  /** The revision that was read, for what two people may edit at once. */
  revision?: string;
  /** False: a missing proof is an error, not a question. */
  ask?: boolean;
}

/** Calls an operation. Raises Refusal or Unreachable. A mutation that must be repeated keeps its key. */
export async function call<N extends Name>(name: N, given: Arguments<N>, options: Options = {}): Promise<Answer<N>> {
  const request = prepare(name, given as Record<string, unknown>, options);
  for (;;) {
    try {
      return (await send(request)) as Answer<N>;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.code === "access.step_up_needed" && options.ask !== false && (await hooks.stepUp())) continue;
      if (error.code === "access.unauthenticated" && !name.startsWith("access.")) hooks.signedOut();
      throw error;
    }
  }
}

/** The address of a file that the box makes (a report, an archive), for a link or a window. */
export function address<N extends Name>(name: N, given: Arguments<N>): string {
  return prepare(name, given as Record<string, unknown>, {}).url;
}

interface Prepared {
  url: string;
  init: RequestInit;
}

function prepare(name: Name, given: Record<string, unknown>, options: Options): Prepared {
  const route = ROUTES[name];
  const left = { ...given };
  const path = route.path.replace(/{([^}]+)}/g, (_, field: string) => {
    const value = left[field];
    delete left[field];
    return encodeURIComponent(String(value));
  });
  const headers: Record<string, string> = { Accept: "application/json" };
  const init: RequestInit = { method: route.method, headers, credentials: "same-origin", cache: "no-store" };
  if (options.signal) init.signal = options.signal;
  if (options.revision !== undefined) headers["If-Match"] = options.revision;
  if (route.mutates) headers["Idempotency-Key"] = crypto.randomUUID();
  if (route.method === "GET" || route.method === "DELETE") return { url: path + query(left), init };
  headers["Content-Type"] = "application/json";
  init.body = JSON.stringify(left);
  return { url: path, init };
}

function query(fields: Record<string, unknown>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== null) search.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = search.toString();
  return text && `?${text}`;
}

async function send({ url, init }: Prepared): Promise<unknown> {
  let response: Response;
  try {
    const csrf = cookie("__Host-gatewayd-csrf");
    const headers = csrf ? { ...(init.headers as Record<string, string>), "X-CSRF-Token": csrf } : init.headers!;
    response = await fetch(url, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable();
  }
  let body: unknown;
  try {
    body = await response.json();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable();
  }
  if (response.ok) return body;
  const said = body as { code?: string; detail?: string; title?: string; field?: string | null };
  const wait = Number(response.headers.get("Retry-After"));
  throw new Refusal(
    response.status,
    said.code ?? "unknown",
    said.detail || said.title || response.statusText,
    said.field ?? null,
    wait > 0 ? wait : null,
  );
}

function cookie(name: string): string | null {
  const found = document.cookie.split("; ").find((each) => each.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : null;
}
