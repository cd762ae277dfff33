// Drawn for this page: 24 by 24, one stroke.
const PATHS = {
  home: "M4 11.5 12 5l8 6.5M6 10v9h12v-9M10 19v-5h4v5",
  diagnose: "M3 12h4l2.5-6 4 12 2.5-6h5",
  wifi: "M3.5 9.5a12.5 12.5 0 0 1 17 0M6.8 13a7.8 7.8 0 0 1 10.4 0M10 16.4a3 3 0 0 1 4 0M12 19.4v.1",
  tv: "M4 7h16v10H4zM9 20h6M9 3.5 12 7l3-3.5",
  box: "M4 14h16v5H4zM7 16.5v.1M10.5 16.5v.1M8 14V7M16 14V7M5.5 8.5a3.5 3.5 0 0 1 0-4M18.5 8.5a3.5 3.5 0 0 0 0-4",
  check: "M5 12.5 10 17.5 19 7",
  cross: "M6 6 18 18M18 6 6 18",
  alert: "M12 4 21.5 20H2.5zM12 10v5M12 17.6v.1",
  dash: "M6 12h12",
  play: "M8 5.5v13l10.5-6.5z",
  stop: "M7 7h10v10H7z",
  record: "M12 6.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.5 11v5M13.5 11v5",
  share: "M12 15V4M8 7.5 12 4l4 3.5M6 12v7.5h12V12",
  print: "M7 9V4h10v5M7 17H4v-7h16v7h-3M7 14h10v6H7z",
  eye: "M2.5 12S6 6 12 6s9.5 6 9.5 6-3.5 6-9.5 6-9.5-6-9.5-6zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  key: "M14 10a4 4 0 1 1-1.2-2.8A4 4 0 0 1 14 10zM13 12.5 20 19.5M17 16.5l2-2",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18v2",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.5l3 2",
  down: "M12 4v13M7 12.5l5 5 5-5",
  up: "M12 20V7M7 11.5l5-5 5 5",
  plus: "M12 5v14M5 12h14",
  more: "M6 12v.1M12 12v.1M18 12v.1",
  list: "M9 7h11M9 12h11M9 17h11M4.5 7v.1M4.5 12v.1M4.5 17v.1",
  chevron: "M9 6l6 6-6 6",
  restart: "M19 12a7 7 0 1 1-2.5-5.4M19 4v4h-4",
  person: "M12 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM5 20a7 7 0 0 1 14 0",
  globe: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM4 12h16M12 4c5 5 5 11 0 16-5-5-5-11 0-16z",
  modem: "M4 13h16v6H4zM7.5 16v.1M11 16v.1M12 13V5M9 7.5 12 5l3 2.5",
  phone: "M8 3.5h8v17H8zM11 17.5h2",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration beside a word; with `label` it speaks for itself. */
export function Icon({ name, size = 20, label }: { name: IconName; size?: number; label?: string }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      stroke-width="1.9"
      stroke-linecap="round"
      stroke-linejoin="round"
      role={label ? "img" : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : "true"}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
