// Hooks: what the box says, read once and again whenever an event says that it changed.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Answer, type Arguments, call, type Name, Refusal, Unreachable } from "@/api/call";
import { link, listen, missed } from "@/api/live";

export type Job = Answer<"jobs.get">["job"];

export interface Reading<T> {
  data: T | null;
  error: Refusal | Unreachable | null;
  loading: boolean;
  reload: () => void;
}

/**
 * The answer of a reading operation; read again on events of `topics`, after a gap, and every `every` ms.
 * `given` null: not now.
 */
export function useAnswer<N extends Name>(
  name: N,
  given: Arguments<N> | null,
  topics: readonly string[] = [],
  every?: number,
): Reading<Answer<N>> {
  const [state, set] = useState<Omit<Reading<Answer<N>>, "reload">>({ data: null, error: null, loading: true });
  const key = JSON.stringify(given);
  const turn = useRef(0);
  const reload = useCallback(() => {
    if (key === "null") return;
    const mine = ++turn.current;
    call(name, JSON.parse(key) as Arguments<N>).then(
      (data) => mine === turn.current && set({ data, error: null, loading: false }),
      (error: unknown) => {
        if (mine !== turn.current) return;
        if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
        set((before) => ({ data: before.data, error, loading: false }));
      },
    );
  }, [name, key]);
  useEffect(reload, [reload, missed.value]);
  const heard = topics.join();
  useEffect(() => {
    let waiting: number | undefined;
    const stop = listen(heard ? heard.split(",") : [], () => {
      // A burst of events is one reading.
      waiting ??= window.setTimeout(() => {
        waiting = undefined;
        reload();
      }, 150);
    });
    return () => {
      clearTimeout(waiting);
      stop();
    };
  }, [heard, reload]);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => document.visibilityState === "visible" && reload(), every);
    return () => clearInterval(timer);
  }, [every, reload]);
  useEffect(() => () => void ++turn.current, []);
  return { ...state, reload };
}

export interface Watched {
  job: Job | null;
  /** What the job has told on its way, oldest first. */
  partials: Record<string, unknown>[];
}

/** A job as it goes on, by events, and by asking now and then while no event comes through. */
export function useJob(id: string | null): Watched {
  const [state, set] = useState<Watched>({ job: null, partials: [] });
  useEffect(() => {
    set({ job: null, partials: [] });
    if (!id) return;
    let done = false;
    const take = (job: Job, partial?: Record<string, unknown>) => {
      if (done) return;
      done = over(job);
      set((before) => ({ job, partials: partial ? [...before.partials, partial] : before.partials }));
    };
    const ask = () => {
      if (!done) call("jobs.get", { job: id }).then((answer) => take(answer.job), () => undefined);
    };
    const stop = listen(["jobs.changed"], ({ data }) => {
      const told = data as unknown as { job: Job; partial: Record<string, unknown> | null };
      if (told.job.id === id) take(told.job, told.partial ?? undefined);
    });
    ask();
    const timer = setInterval(() => (link.value === "up" ? undefined : ask()), 2000);
    const slow = setInterval(ask, 8000);
    return () => {
      done = true;
      stop();
      clearInterval(timer);
      clearInterval(slow);
    };
  }, [id]);
  return state;
}

/** Whether a job has ended, in whatever way. */
export function over(job: Job): boolean {
  return job.state !== "queued" && job.state !== "running";
}

export interface Act<A extends unknown[]> {
  run: (...given: A) => Promise<boolean>;
  busy: boolean;
  error: Refusal | Unreachable | null;
  clear: () => void;
}

/** A deed behind a button: one at a time, with its refusal kept for showing. `run` tells whether it went well. */
export function useAct<A extends unknown[]>(deed: (...given: A) => Promise<unknown>): Act<A> {
  const [state, set] = useState<{ busy: boolean; error: Refusal | Unreachable | null }>({ busy: false, error: null });
  const busy = useRef(false);
  const run = async (...given: A): Promise<boolean> => {
    if (busy.current) return false;
    busy.current = true;
    set({ busy: true, error: null });
    try {
      await deed(...given);
      set({ busy: false, error: null });
      return true;
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Unreachable)) throw error;
      set({ busy: false, error });
      return false;
    } finally {
      busy.current = false;
    }
  };
  return { run, ...state, clear: () => set({ busy: false, error: null }) };
}
