import { expect, it } from "vitest";
import { zone } from "@/ui/format";
import { amount, asText, type Report, when } from "./report-text";

const EMPTY: Report = {
  made: "2026-11-23T12:00:00Z",
  time_zone: "Europe/Berlin",
  box: { id: "gw-1", name: "This box", model: "gatewayd", version: "0.1" },
  connection: "ok",
  sentence: "The internet answers.",
  diagnosis: null,
  diagnosed: null,
  runs: [],
  outages: [],
  reported: [],
  months: [],
  days: [],
  repairs: [],
  measured: [],
};

it("says when so that it is clear next year", () => {
  zone.value = "Europe/Berlin";
  expect(when("2026-11-23T23:30:00Z")).toBe("24 Nov 2026, 00:30");
});

it("says amounts in their units", () => {
  expect(amount(94_200_000, "bits")).toBe("94.2 Mbit/s");
  expect(amount(12.34, "ms")).toBe("12.3 ms");
});

it("is whole without a diagnosis and with a fault", () => {
  expect(asText(EMPTY)).toContain("None.");
  const fault = {
    verdict: "DNS_TIMEOUT",
    layer: "dns",
    confidence: "high",
    short: "Names are not resolved.",
    remedy: "Restart the modem.",
    who: "household",
    evidence: [
      { check: "link", layer: "link", status: "ok", detail: "eth0", seconds: 0 },
      { check: "dns", layer: "dns", status: "failed", detail: "No answer.", seconds: 4 },
    ],
    also_seen: [],
    notes: [],
    seconds: 9,
  } as const;
  const text = asText({ ...EMPTY, diagnosis: { ...fault, evidence: [...fault.evidence], also_seen: [], notes: [] } });
  expect(text).toContain("DNS_TIMEOUT");
  expect(text).toContain("- dns: No answer.");
  expect(text).not.toContain("eth0");
});
