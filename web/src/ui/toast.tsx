// Short words at the bottom: what was done, and how to undo it.
import { signal } from "@preact/signals";
import { Button } from "@/ui/parts";

interface Toast {
  id: number;
  text: string;
  deed?: { word: string; run: () => void };
}

const toasts = signal<readonly Toast[]>([]);
let next = 0;

/** Says it for some seconds; longer when there is something to press. */
export function toast(text: string, deed?: { word: string; run: () => void }): void {
  const id = next++;
  toasts.value = [...toasts.value.slice(-2), { id, text, ...(deed && { deed }) }];
  setTimeout(() => drop(id), deed ? 10_000 : 4_000);
}

const drop = (id: number) => {
  toasts.value = toasts.value.filter((each) => each.id !== id);
};

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, deed }) => (
        <div key={id} class="toast">
          <span>{text}</span>
          {deed && (
            <Button
              onClick={() => {
                drop(id);
                deed.run();
              }}
            >
              {deed.word}
            </Button>
          )}
        </div>
      ))}
    </div>
  );
}
