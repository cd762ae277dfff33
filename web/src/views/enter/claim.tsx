// Becoming the owner: the digits that the box shows, and the fingerprint to compare.
import { useEffect, useState } from "preact/hooks";
import { call } from "@/api/call";
import { box } from "@/api/session";
import { useAct, useAnswer } from "@/api/use";
import { s, say } from "@/strings/strings";
import { Blank, Button, Field, Trouble, wrongField } from "@/ui/parts";
import { patiently, useWait } from "@/ui/wait";
import { bare, clock, digits, groups } from "@/views/enter/codes";
import { browser } from "@/views/enter/browser";
import type { Way } from "@/views/enter/enter";

export function Claim({ entered, given }: Way) {
  const [code, setCode] = useState(digits(given));
  const open = useAnswer("access.claim.start", {}, [], 4000);
  const act = useAct(async () => {
    await patiently(() => call("access.claim.finish", { code: bare(code), cookie: true, label: browser() }));
    await entered();
  });
  const wait = useWait(act.error);
  const fresh = box.value?.state === "unclaimed";
  const wrong = wrongField(act.error, "code");
  return (
    <form
      class="stack"
      onSubmit={async (event) => {
        event.preventDefault();
        if (!(await act.run())) open.reload();
      }}
    >
      <h1>{fresh ? s.enter.claim.title : s.enter.claim.another}</h1>
      <p class="soft">{fresh ? s.enter.claim.why : s.enter.claim.whyAnother}</p>
      <Field
        label={s.enter.claim.code}
        class="code enter-code"
        inputMode="numeric"
        autoComplete="one-time-code"
        placeholder="0000 0000"
        required
        value={code}
        wrong={wrong}
        onInput={(event) => {
          setCode(digits(event.currentTarget.value));
          event.currentTarget.value = digits(event.currentTarget.value);
          if (!wait) act.clear();
        }}
      />
      {!wrong && <Trouble error={act.error} />}
      <Button type="submit" kind="first" big busy={act.busy} disabled={wait > 0 || bare(code).length < 8}>
        {wait ? say(s.enter.wait, { clock: clock(wait) }) : fresh ? s.enter.claim.go : s.enter.claim.goAnother}
      </Button>
      {open.data ? <Window isOpen={open.data.open} left={open.data.closes_in} /> : <Trouble error={open.error} />}
      <section class="stack-s" aria-labelledby="enter-same-box">
        <h2 id="enter-same-box">{s.enter.claim.fingerprint}</h2>
        <p class="soft small">{s.enter.claim.compare}</p>
        {open.data ? <Fingerprint whole={open.data.fingerprint} /> : <Blank lines={2} />}
        <details class="small">
          <summary>{s.enter.claim.certain}</summary>
          <p class="soft">{s.enter.claim.certainly}</p>
        </details>
      </section>
    </form>
  );
}

/** Whether a code would be taken now, and for how long. */
function Window({ isOpen, left }: { isOpen: boolean; left: number | null }) {
  const [end, setEnd] = useState<number | null>(null);
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    setNow(performance.now());
    setEnd(left === null ? null : performance.now() + left * 1000);
  }, [left]);
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  if (!isOpen) {
    return (
      <div class="note degraded" role="status">
        <p>{s.enter.claim.closed}</p>
        <p class="small">{s.enter.claim.closedHow}</p>
      </div>
    );
  }
  return end === null ? null : <p class="small soft">{say(s.enter.claim.closes, { clock: clock((end - now) / 1000) })}</p>;
}

function Fingerprint({ whole }: { whole: string }) {
  return (
    <ol class="enter-fingerprint" aria-label={s.enter.claim.groups}>
      {groups(whole).map((group, at) => (
        <li key={at}>{group}</li>
      ))}
    </ol>
  );
}
