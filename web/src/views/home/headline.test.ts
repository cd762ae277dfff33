import { expect, test } from "vitest";
import { curve, flow, headline, type Status, worthTelling } from "@/views/home/headline";

const fine = { state: "ok", sentence: "Fine." } as const;
const status: Status = {
  verdict: { state: "unknown", sentence: "Nobody has asked.", code: null },
  internet: fine,
  wifi: fine,
  devices: fine,
  dvr: fine,
  portal: { state: "unknown", sentence: "No portal." },
  health: fine,
  alerts: [],
};

test("when nothing is wrong, everything works", () => {
  expect(headline(status, true)).toEqual({ state: "ok", sentence: null, part: null });
});

test("what is down comes before what is impaired, and the line before the rest", () => {
  const hot = { state: "degraded", sentence: "Hot." } as const;
  const down = { state: "down", sentence: "Off." } as const;
  expect(headline({ ...status, health: hot }, true).sentence).toBe("Hot.");
  expect(headline({ ...status, health: hot, wifi: down }, true).part).toBe("wifi");
  expect(headline({ ...status, internet: down, wifi: down }, true).part).toBe("internet");
});

test("a line that nobody watches is not said to work", () => {
  expect(headline({ ...status, internet: { state: "unknown", sentence: "Not watched." } }, true).state).toBe("unknown");
});

test("who sees no recordings hears nothing of the recorder", () => {
  const away = { ...status, dvr: { state: "down", sentence: "Away." } as const };
  expect(headline(away, false).state).toBe("ok");
  expect(headline(away, true).part).toBe("dvr");
});

test("an alert is not said twice", () => {
  const off = { ...status, internet: { state: "down", sentence: "Off." } as const };
  const alerts = [
    { code: "diagnostics.internet", sentence: "Off." },
    { code: "access.new_session", sentence: "A new browser." },
    { code: "store.restored", sentence: "Restored." },
  ];
  expect(worthTelling({ ...off, alerts }, headline(off, true)).map((alert) => alert.code)).toEqual(["store.restored"]);
});

test("the flow counts only devices that were there before", () => {
  const before = [{ mac: "a", rx_bytes: 0, tx_bytes: 1000 }, { mac: "b", rx_bytes: 500, tx_bytes: 500 }];
  const now = [
    { mac: "a", rx_bytes: 250, tx_bytes: 2000 },
    { mac: "b", rx_bytes: 0, tx_bytes: 0 }, // came back
    { mac: "c", rx_bytes: 9e9, tx_bytes: 9e9 }, // new
  ];
  expect(flow(before, now, 2)).toEqual({ down: 4000, up: 1000 });
  expect(flow(before, now, 0)).toEqual({ down: 0, up: 0 });
});

test("a curve ends at the right edge and stays in its box", () => {
  expect(curve([0, 5, 10], 3, 10, 100, 20)).toBe("0.0,20.0 50.0,10.0 100.0,0.0");
  expect(curve([10], 3, 10, 100, 20)).toBe("100.0,0.0");
});
