// Codes as people type, paste and read them. Pure.

/** At most `most` digits of what was typed or pasted, in groups of four: `1234 5678`. */
export function digits(typed: string, most = 8): string {
  return grouped(typed.replace(/\D/g, "").slice(0, most), " ");
}

/** A technician's code: letters and digits in groups of four, `nsff-kt7g-ck30`. */
export function visitCode(typed: string): string {
  return grouped(typed.toLowerCase().replace(/[^a-z0-9]/g, "").slice(0, 12), "-");
}

/** How much of a typed code counts. */
export function bare(typed: string): string {
  return typed.replace(/[^A-Za-z0-9]/g, "");
}

/** The first 128 bits of a fingerprint in groups that a person can compare, as the box shows them. */
export function groups(fingerprint: string): string[] {
  return fingerprint.slice(0, 32).match(/.{1,4}/g) ?? [];
}

/** `4:05` */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function grouped(text: string, between: string): string {
  return (text.match(/.{1,4}/g) ?? []).join(between);
}
