// The report as plain text, for whatever takes no file.
import type { Answer } from "@/api/call";
import { s, say } from "@/strings/strings";
import { duration, rate, zone } from "@/ui/format";
import { share } from "./model";

const W = s.diagnose.report;
export type Report = Answer<"diagnostics.report.get">["report"];

/** A day and a time that are still clear on paper, next year. */
export function when(text: string): string {
  const options: Intl.DateTimeFormatOptions = {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
    timeZone: zone.value,
  };
  return new Date(text).toLocaleString("en-GB", options);
}

/** A measured value in its unit, which is the ending of its series' name. */
export function amount(value: number, unit: string): string {
  return unit === "bits" ? rate(value) : `${Number(value.toFixed(1))} ${unit}`;
}

/** The essence: the box, the verdict, what to do, what failed, and the outages. */
export function asText(report: Report): string {
  const { box, diagnosis, outages, months } = report;
  const lines = [
    `${W.title}: ${box.name} (${box.model} ${box.id}, ${box.version})`,
    say(W.made, { when: when(report.made), zone: report.time_zone }),
    "",
    `${W.connection}: ${report.sentence}`,
  ];
  if (diagnosis) {
    lines.push(`${W.verdict}: ${diagnosis.verdict}. ${diagnosis.short}`, diagnosis.remedy);
    for (const each of diagnosis.evidence) {
      if (each.status === "failed" || each.status === "warn") lines.push(`- ${each.check}: ${each.detail}`);
    }
  }
  lines.push("", W.availability, ...months.map((each) => `- ${each.period}: ${share(each.available)}`));
  lines.push("", W.outages);
  lines.push(
    ...(outages.length ? outages.slice(0, 20).map((each) => `- ${when(each.start)}, ${duration(each.seconds)}: ${each.sentence}`) : [W.none]),
  );
  return lines.join("\n");
}
