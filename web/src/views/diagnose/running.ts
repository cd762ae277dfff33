// A tool that runs: begun here, followed by its job, found again after one looked elsewhere or loaded the page anew.
import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type Arguments, call } from "@/api/call";
import { may, me } from "@/api/session";
import { type Act, type Job, over, useAct, useJob } from "@/api/use";

export type Tool =
  | "diagnostics.run"
  | "diagnostics.speedtest"
  | "diagnostics.ping"
  | "diagnostics.traceroute"
  | "diagnostics.lookup"
  | "diagnostics.probe"
  | "diagnostics.phone"
  | "diagnostics.mail"
  | "diagnostics.capture";

const jobs = signal<Partial<Record<Tool, string>>>({});
effect(() => {
  if (me.value === "none") jobs.value = {}; // the next one who signs in begins with nothing
});

export interface Running<N extends Tool, R, P> {
  job: Job | null;
  running: boolean;
  partials: P[];
  result: R | null;
  start: Act<[Arguments<N>]>;
  stop: Act<[]>;
}

/** `R` is the job's result, `P` what it tells on its way (`results.ts`). */
export function useTool<R, P, N extends Tool>(name: N): Running<N, R, P> {
  const id = jobs.value[name] ?? null;
  const { job, partials } = useJob(id);
  const start = useAct(async (given: Arguments<N>) => {
    const { job: begun } = (await call(name, given)) as { job: Job };
    jobs.value = { ...jobs.value, [name]: begun.id };
  });
  const stop = useAct(async () => {
    if (id) await call("jobs.cancel", { job: id });
  });
  return {
    job,
    running: id !== null && (job === null || !over(job)),
    partials: partials as P[],
    result: job?.state === "done" ? (job.result as R | null) : null,
    start,
    stop,
  };
}

/** Follows a job of this tool that runs already: begun before a reload, or by somebody else. */
export function useResumed(name: Tool): void {
  useEffect(() => {
    if (jobs.value[name] || !may("jobs.list")) return;
    let away = false;
    call("jobs.list", { limit: 20 }).then(
      ({ items }) => {
        const found = items.find((each) => each.operation === name && !over(each));
        if (found && !away && !jobs.value[name]) jobs.value = { ...jobs.value, [name]: found.id };
      },
      () => undefined, // nothing to resume is nothing to say
    );
    return () => {
      away = true;
    };
  }, [name]);
}
