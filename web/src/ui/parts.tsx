// The parts that every view uses.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Refusal, type Unreachable } from "@/api/call";
import { s, say } from "@/strings/strings";
import { Icon, type IconName } from "@/ui/icon";

export type State = "ok" | "degraded" | "down" | "unknown";

/** How something is: a colour, a shape and a word. */
export function Pill({ state, children }: { state: State; children?: ComponentChildren }) {
  return <span class={`pill ${state}`}>{children ?? s.common.states[state]}</span>;
}

export function Card(props: { title?: string; side?: ComponentChildren; children: ComponentChildren; class?: string; id?: string }) {
  const id = useId();
  return (
    <section class={`card ${props.class ?? ""}`} aria-labelledby={props.title ? id : undefined} id={props.id}>
      {props.title && (
        <div class="card-head">
          <h2 id={id}>{props.title}</h2>
          {props.side}
        </div>
      )}
      {props.children}
    </section>
  );
}

type ButtonProps = Omit<JSX.IntrinsicElements["button"], "icon"> & {
  kind?: "first" | "quiet" | "danger" | "danger first" | undefined;
  icon?: IconName | undefined;
  busy?: boolean | undefined;
  wide?: boolean;
  big?: boolean;
};

export function Button({ kind, icon, busy, wide, big, class: more, children, disabled, type, ...rest }: ButtonProps) {
  const names = ["button", kind, wide && "wide", big && "big", more].filter(Boolean).join(" ");
  return (
    <button {...rest} type={type ?? "button"} class={names} disabled={disabled || busy} aria-busy={busy || undefined}>
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** Fields and the deed behind them: Enter does it as well, and the page stays. */
export function Form({ act, children }: { act: { run: () => Promise<boolean> }; children: ComponentChildren }) {
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void act.run();
      }}
    >
      {children}
    </form>
  );
}

type FieldProps = Omit<JSX.IntrinsicElements["input"], "ref"> & { label: string; hint?: ComponentChildren; wrong?: string | null };

/** A labelled input; `wrong` is why the box refused it. */
export function Field({ label, hint, wrong, class: more, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...rest}
        id={id}
        class={`input ${more ?? ""}`}
        aria-invalid={wrong ? "true" : undefined}
        aria-describedby={wrong || hint ? `${id}-more` : undefined}
      />
      {(wrong || hint) && (
        <span id={`${id}-more`} class={wrong ? "wrong" : "hint"}>
          {wrong || hint}
        </span>
      )}
    </div>
  );
}

export function Choice(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: readonly (readonly [value: string, word: string])[];
  hint?: string;
  disabled?: boolean;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select id={id} class="input" value={props.value} disabled={props.disabled} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.options.map(([value, word]) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
      {props.hint && <span class="hint">{props.hint}</span>}
    </div>
  );
}

export function Check(props: { label: ComponentChildren; checked: boolean; onChange: (on: boolean) => void; disabled?: boolean }) {
  return (
    <label class="check">
      <input type="checkbox" checked={props.checked} disabled={props.disabled} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      <span>{props.label}</span>
    </label>
  );
}

/** What the box said no with, as a sentence. Names no field: the field shows its own. */
export function Trouble({ error, retry }: { error: Refusal | Unreachable | null; retry?: () => void }) {
  if (!error) return null;
  return (
    <div class="note down" role="alert">
      <p>{sentence(error)}</p>
      {retry && (
        <div>
          <Button onClick={retry}>{s.common.again}</Button>
        </div>
      )}
    </div>
  );
}

/** A refusal in words. */
export function sentence(error: Refusal | Unreachable): string {
  if (!(error instanceof Refusal)) return s.common.unreachable;
  if (error.retryAfter) return `${error.detail} ${say(s.common.retryAfter, { seconds: Math.ceil(error.retryAfter) })}`;
  return error.detail;
}

/** Why the box refused this very field, or nothing. */
export function wrongField(error: Refusal | Unreachable | null, field: string): string | null {
  return error instanceof Refusal && error.field === field ? error.detail : null;
}

export function Progress({ value, label }: { value: number; label: string }) {
  const percent = Math.round(Math.max(0, Math.min(1, value)) * 100);
  return (
    <div class="progress" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent}>
      <span style={{ width: `${percent}%` }} />
    </div>
  );
}

/** What stands where an answer will be. */
export function Blank({ lines = 3 }: { lines?: number }) {
  return (
    <div class="stack-s" aria-busy="true">
      <span class="visually-hidden">{s.common.loading}</span>
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} class="blank" style={{ width: `${92 - ((line * 23) % 40)}%` }} />
      ))}
    </div>
  );
}

/** A question or a form over the page. Escape and `onClose` leave everything as it is. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; deeds?: ComponentChildren }) {
  const own = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = own.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={own}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClick={(event) => event.target === own.current && props.onClose()}
    >
      <div class="sheet">
        <h2 id={id}>{props.title}</h2>
        {props.children}
        {props.deeds && <div class="deeds">{props.deeds}</div>}
      </div>
    </dialog>
  );
}
