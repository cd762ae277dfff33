// "Is it you?": asked when an operation wants a proof from the last five minutes.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { call } from "@/api/call";
import { me } from "@/api/session";
import { useAct } from "@/api/use";
import { s, say } from "@/strings/strings";
import { duration } from "@/ui/format";
import { Button, Dialog, Field, Trouble } from "@/ui/parts";
import { useWait } from "@/ui/wait";

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
  const mine = me.value !== null && me.value !== "none" ? me.value : null;
  const [typed, setTyped] = useState("");
  // Where there is a second factor the box takes nothing less.
  const way = mine?.second_factor ? "code" : "password";
  const act = useAct(() => call("access.stepup", way === "password" ? { password: typed } : { code: typed }));
  const wait = useWait(act.error);
  if (mine && !mine.password && !mine.second_factor) {
    return (
      <Dialog title={s.proof.title} onClose={() => end(false)} deeds={<Button onClick={() => end(false)}>{s.common.close}</Button>}>
        <p>{s.proof.nothing}</p>
      </Dialog>
    );
  }
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
          label={s.proof[way]}
          hint={way === "code" ? s.proof.codeHint : undefined}
          type={way === "password" ? "password" : "text"}
          autoComplete={way === "password" ? "current-password" : "one-time-code"}
          autoCapitalize="off"
          value={typed}
          required
          autoFocus
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <Trouble error={act.error} />
        <div class="deeds">
          <Button onClick={() => end(false)}>{s.common.cancel}</Button>
          <Button type="submit" kind="first" busy={act.busy} disabled={wait > 0}>
            {wait ? say(s.proof.wait, { clock: duration(wait) }) : s.proof.confirm}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
