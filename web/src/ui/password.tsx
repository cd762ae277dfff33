// A password that is to be: it can be looked at, because a phone's keys are small.
import { useState } from "preact/hooks";
import { s } from "@/strings/strings";
import { Check, Field } from "@/ui/parts";

export function NewPassword(props: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  wrong?: string | null;
  hint?: string;
}) {
  const [seen, setSeen] = useState(false);
  return (
    <div class="stack-s">
      <Field
        label={props.label}
        type={seen ? "text" : "password"}
        autoComplete="new-password"
        autoCapitalize="off"
        spellcheck={false}
        required
        minLength={8}
        maxLength={128}
        value={props.value}
        hint={props.hint ?? s.enter.passwordHint}
        wrong={props.wrong ?? null}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <Check label={s.enter.showPassword} checked={seen} onChange={setSeen} />
    </div>
  );
}
