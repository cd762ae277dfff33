// The places within a view: links side by side, the current one raised.
import { href } from "@/router";

interface Given {
  /** What they are places of. */
  label: string;
  items: readonly { word: string; to: readonly string[]; here: boolean }[];
}

export function Places({ label, items }: Given) {
  return (
    <nav class="places no-print" aria-label={label}>
      {items.map(({ word, to, here }) => (
        <a key={word} href={href(...to)} aria-current={here ? "page" : undefined}>
          {word}
        </a>
      ))}
    </nav>
  );
}
