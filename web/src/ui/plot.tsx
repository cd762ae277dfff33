// A plot over time. uPlot is fetched when the first one is drawn, so that nobody waits for it who sees none.
import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";

export interface Curve {
  label: string;
  /** A colour's name in theme.css, without the dashes. */
  colour: string;
  values: readonly (number | null)[];
}

interface Given {
  /** What the plot shows, in a sentence: a canvas says nothing to who cannot see it. */
  label: string;
  x: readonly number[];
  curves: readonly Curve[];
  height?: number;
  /** Words for a number on the upright axis. */
  format: (value: number) => string;
  /** `x` is Unix seconds, not plain seconds. */
  clock?: boolean;
  /** Without axes: a small picture beside a number. */
  bare?: boolean;
}

export function Plot({ label, x, curves, height = 200, format, clock = false, bare = false }: Given) {
  const holder = useRef<HTMLDivElement>(null);
  const own = useRef<uPlot | null>(null);
  const [lib, setLib] = useState<typeof uPlot | null>(null);
  const [dark, setDark] = useState(scheme.matches);
  useEffect(() => {
    let away = false;
    void Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]).then(([{ default: found }]) => {
      if (!away) setLib(() => found);
    });
    const flip = () => setDark(scheme.matches);
    scheme.addEventListener("change", flip);
    return () => {
      away = true;
      scheme.removeEventListener("change", flip);
    };
  }, []);
  const data = [[...x], ...curves.map(({ values }) => [...values])] as uPlot.AlignedData;
  const shape = curves.map((each) => each.label + each.colour).join();
  useEffect(() => {
    const place = holder.current;
    if (!lib || !place) return;
    const plot = new lib(options(place, { label, x, curves, height, format, clock, bare }), data, place);
    own.current = plot;
    const watch = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height }));
    watch.observe(place);
    return () => {
      watch.disconnect();
      plot.destroy();
      own.current = null;
    };
  }, [lib, dark, shape, height, clock, bare]);
  useEffect(() => own.current?.setData(data), [x.length, curves.map(({ values }) => values.at(-1)).join()]);
  return (
    <div role="img" aria-label={label} data-points={x.length}>
      <div ref={holder} style={{ minHeight: `${height}px` }} aria-hidden="true" />
    </div>
  );
}

const scheme = matchMedia("(prefers-color-scheme: dark)");

function options(place: HTMLElement, { curves, height = 200, format, clock, bare }: Given): uPlot.Options {
  const colours = getComputedStyle(document.documentElement);
  const colour = (name: string) => colours.getPropertyValue(`--${name}`).trim();
  const axis: uPlot.Axis = {
    stroke: colour("soft"),
    font: `13px ${colours.getPropertyValue("--type")}`,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: place.clientWidth,
    height,
    pxAlign: 0,
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { time: clock ?? false },
      // From nothing: a curve must not look steep because its axis begins high.
      y: { range: (_, __, most) => [0, Math.max(most, 1) * 1.1] },
    },
    axes: bare
      ? [{ show: false }, { show: false }]
      : [
          { ...axis, size: 32, grid: { show: false }, ...(clock ? {} : { values: (_, ticks) => ticks.map((tick) => `${tick} s`) }) },
          { ...axis, size: 84, values: (_, ticks) => ticks.map(format) },
        ],
    series: [
      {},
      ...curves.map((each) => ({
        label: each.label,
        stroke: colour(each.colour),
        width: 2.5,
        fill: `color-mix(in srgb, ${colour(each.colour)} 14%, transparent)`,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}
