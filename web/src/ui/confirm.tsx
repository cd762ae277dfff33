// A deed with a consequence is asked once, with the consequence in words.
import type { ComponentChildren } from "preact";
import { useAct } from "@/api/use";
import { s } from "@/strings/strings";
import { Button, Dialog, Trouble } from "@/ui/parts";

/** `run` does it; a refusal is shown and the question stays. `onClose`: when it is done, or not wanted. */
export function Confirm(props: {
  title: string;
  consequence: ComponentChildren;
  yes: string;
  danger?: boolean | undefined;
  run: () => Promise<unknown>;
  onClose: () => void;
}) {
  const act = useAct(props.run);
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      deeds={
        <>
          <Button onClick={props.onClose}>{s.common.cancel}</Button>
          <Button
            kind={props.danger === false ? "first" : "danger first"}
            busy={act.busy}
            onClick={async () => {
              if (await act.run()) props.onClose();
            }}
          >
            {props.yes}
          </Button>
        </>
      }
    >
      {typeof props.consequence === "string" ? <p>{props.consequence}</p> : props.consequence}
      <Trouble error={act.error} />
    </Dialog>
  );
}
