// "Is it you?": asked when an operation wants a proof from the last five minutes.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { useAct } from "@/api/use";
import { s } from "@/strings/strings";
import { Button, Dialog, Field, Trouble } from "@/ui/parts";

const asking = signal<((proved: boolean) => void) | null>(null);

/** Opens the question; the answer is whether it was proved. Several askers share one question. */
export function prove(): Promise<boolean> {
  return new Promise((resolve) => {
    const before = asking.value;
    asking.value = (proved) => {
      before?.(proved);
      resolve(proved);
    };
  });
}

function end(proved: boolean): void {
  const answer = asking.value;
  asking.value = null;
  answer?.(proved);
}

export function Proof() {
  return asking.value ? <Question /> : null;
}

function Question() {
  const [way, setWay] = useState<"password" | "code">("password");
  const [typed, setTyped] = useState("");
  const act = useAct(() => call("access.stepup", way === "password" ? { password: typed } : { code: typed }));
  const other = way === "password" ? "code" : "password";
  return (
    <Dialog title={s.proof.title} onClose={() => end(false)}>
      <form
        class="stack"
        onSubmit={async (event) => {
          event.preventDefault();
          if (await act.run()) end(true);
        }}
      >
        <p class="soft">{s.proof.why}</p>
        <Field
          key={way}
          label={s.proof[way]}
          type={way === "password" ? "password" : "text"}
          inputMode={way === "password" ? undefined : "numeric"}
          autoComplete={way === "password" ? "current-password" : "one-time-code"}
          value={typed}
          required
          autoFocus
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <Trouble error={act.error} />
        <div class="deeds">
          <Button
            kind="quiet"
            onClick={() => {
              setWay(other);
              setTyped("");
              act.clear();
            }}
          >
            {other === "code" ? s.proof.useCode : s.proof.usePassword}
          </Button>
          <Button onClick={() => end(false)}>{s.common.cancel}</Button>
          <Button type="submit" kind="first" busy={act.busy}>
            {s.proof.confirm}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
