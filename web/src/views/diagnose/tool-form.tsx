// The frame of a tool: what it asks, its button that becomes "stop", and its troubles.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { s } from "@/strings/strings";
import { Button, Card, Field, Progress, Trouble, wrongField } from "@/ui/parts";
import type { Running, Tool } from "./running";

const W = s.diagnose.tools;
type Kind = keyof typeof W.go;

/** Why the box refused this very field: at once, or when the job looked at it. */
export function wrongOf<N extends Tool>({ start, job }: Running<N, unknown, unknown>, field: string): string | null {
  const late = job?.state === "failed" && job.error?.field === field ? job.error.detail : null;
  return wrongField(start.error, field) ?? late;
}

interface Given<N extends Tool> {
  kind: Kind;
  tool: Running<N, unknown, unknown>;
  children: ComponentChildren;
  begin: () => void;
  ready?: boolean;
  /** The fields that show by themselves what is wrong with them. */
  fields: readonly string[];
}

export function ToolForm<N extends Tool>({ kind, tool, children, begin, fields, ready = true }: Given<N>) {
  const { running, job } = tool;
  const error = tool.start.error ?? tool.stop.error;
  const failed = job?.state === "failed" ? job.error : null;
  const shown = fields.some((field) => wrongOf(tool, field) !== null);
  return (
    <Card title={W.kinds[kind]}>
      <p class="soft">{W.says[kind]}</p>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (running) void tool.stop.run();
          else begin();
        }}
      >
        {children}
        <div class="diagnose-deeds">
          <Button
            type="submit"
            {...(running ? {} : { kind: "first" as const })}
            {...(running ? { icon: "stop" as const } : {})}
            busy={tool.start.busy}
            disabled={!running && !ready}
          >
            {running ? W.cancel : W.go[kind]}
          </Button>
        </div>
      </form>
      {running && <Progress value={job?.progress ?? 0} label={W.kinds[kind]} />}
      {failed && !shown && (
        <p class="note down" role="alert">
          {failed.detail}
        </p>
      )}
      {!shown && <Trouble error={error} />}
    </Card>
  );
}

// What was typed last is kept for the next tool: a technician asks several questions of one target.
let lastTarget = "";

/** The target's field; empty means the example beside it. */
export function useTarget<N extends Tool>(tool: Running<N, unknown, unknown>): [string, ComponentChildren] {
  const [typed, set] = useState(lastTarget);
  const wrong = wrongOf(tool, "target") ?? wrongOf(tool, "name");
  const field = (
    <Field
      label={W.target}
      value={typed}
      placeholder={W.example}
      wrong={wrong}
      autoCapitalize="none"
      autoComplete="off"
      spellcheck={false}
      enterKeyHint="go"
      onInput={(event) => {
        lastTarget = event.currentTarget.value.trim();
        set(event.currentTarget.value);
      }}
    />
  );
  return [typed.trim() || W.example, field];
}

export function ms(value: number | null): string {
  if (value === null) return "–";
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function percent(loss: number): string {
  const value = loss * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}
