// A QR code that the box drew. Its text is read, not shown as it came: only the squares are taken over.
import { useMemo } from "preact/hooks";

/** `svg` is the box's own drawing; `label` says what the code is for. Black on white in both schemes: cameras need it. */
export function Qr({ svg, label }: { svg: string; label: string }) {
  const drawn = useMemo(() => read(svg), [svg]);
  return (
    <svg class="qr" viewBox={`0 0 ${drawn.width} ${drawn.height}`} role="img" aria-label={label}>
      <rect class="qr-light" width={drawn.width} height={drawn.height} />
      {drawn.paths.map(({ d, transform, filled }) => (
        <path key={d} d={d} transform={transform} class={filled ? "qr-fill" : "qr-line"} />
      ))}
    </svg>
  );
}

function read(svg: string) {
  const root = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  const box = (root.getAttribute("viewBox") ?? "").split(/[ ,]+/).map(Number);
  const width = box[2] || Number(root.getAttribute("width")) || 1;
  const height = box[3] || Number(root.getAttribute("height")) || 1;
  const paths = [...root.querySelectorAll("path")]
    // The first path of a drawing with a light ground is that ground.
    .filter((path) => !/^#?(fff|ffffff|white)$/i.test(path.getAttribute("fill") ?? ""))
    .map((path) => ({
      d: path.getAttribute("d") ?? "",
      transform: path.getAttribute("transform") ?? path.closest("g")?.getAttribute("transform") ?? undefined,
      filled: !path.hasAttribute("stroke"),
    }));
  return { width, height, paths };
}
