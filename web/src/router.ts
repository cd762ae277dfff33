// Where the page is: `#/wifi/home` is the view `wifi` with the rest `["home"]`. No server has to know it.
import { signal } from "@preact/signals";

export interface Place {
  view: string;
  rest: readonly string[];
}

/** Reads a fragment. */
export function read(fragment: string): Place {
  const [view, ...rest] = fragment.replace(/^#?\/?/, "").split("/").map(decode).filter(Boolean);
  return { view: view ?? "home", rest };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const place = signal<Place>(read(location.hash));

addEventListener("hashchange", () => {
  place.value = read(location.hash);
});

/** Goes there. */
export function go(...parts: string[]): void {
  location.hash = href(...parts);
}

/** The link to a place. */
export function href(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}
