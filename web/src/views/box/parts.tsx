// What the places of Box are made of.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { href } from "@/router";
import { s } from "@/strings/strings";
import { Confirm } from "@/ui/confirm";
import { Icon, type IconName } from "@/ui/icon";
import { Button } from "@/ui/parts";
import { toast } from "@/ui/toast";

/** A place below Box: its name, and the way back. Who came by keyboard goes on from its name. */
export function Place({ title, children }: { title: string; children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [title]);
  return (
    <div class="box-place">
      <header>
        <a href={href("box")} class="box-back">
          <Icon name="chevron" size={16} />
          {s.shell.views.box}
        </a>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
      </header>
      {children}
    </div>
  );
}

/** A button whose deed is asked once, with its consequence in words. */
export function Asked(props: {
  word: string;
  title: string;
  consequence: ComponentChildren;
  yes?: string;
  danger?: boolean;
  quiet?: boolean;
  icon?: IconName;
  disabled?: boolean;
  label?: string;
  run: () => Promise<unknown>;
  done?: () => void;
}) {
  const [open, setOpen] = useState(false);
  const run = async () => {
    await props.run();
    props.done?.();
  };
  return (
    <>
      <Button
        kind={props.quiet ? "quiet" : props.danger ? "danger" : undefined}
        icon={props.icon}
        disabled={props.disabled}
        aria-label={props.label}
        onClick={() => setOpen(true)}
      >
        {props.word}
      </Button>
      {open && (
        <Confirm
          title={props.title}
          consequence={props.consequence}
          yes={props.yes ?? props.word}
          danger={props.danger ?? false}
          run={run}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}

/** Puts a text where it can be pasted from; says so. */
export function Copy({ text, word, kind }: { text: string; word?: string; kind?: "first" }) {
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => toast(s.common.copied),
      () => undefined, // a browser that forbids it still shows the text
    );
  return (
    <Button kind={kind} onClick={copy}>
      {word ?? s.common.copy}
    </Button>
  );
}

/** A switch with a sentence below its name. It shows what was wished until the box has said what holds. */
export function Switch(props: {
  title: string;
  more?: string;
  on: boolean;
  disabled?: boolean;
  /** False: the box would not. */
  onChange: (on: boolean) => Promise<boolean>;
}) {
  const [wish, setWish] = useState<boolean | null>(null);
  useEffect(() => setWish(null), [props.on]);
  return (
    <label class="check box-switch">
      <input
        type="checkbox"
        checked={wish ?? props.on}
        disabled={props.disabled}
        onChange={async (event) => {
          setWish(event.currentTarget.checked);
          if (!(await props.onChange(event.currentTarget.checked))) setWish(null);
        }}
      />
      <span>
        {props.title}
        {props.more && <span class="small soft">{props.more}</span>}
      </span>
    </label>
  );
}

/** A way to the page itself, to be passed on. */
export function linkTo(...parts: string[]): string {
  return `${location.origin}/${href(...parts)}`;
}

/** Hands a file to the browser. */
export function save(name: string, parts: BlobPart[], type: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Bytes of base64. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
