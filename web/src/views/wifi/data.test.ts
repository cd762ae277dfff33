import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("location", { hash: "", href: "https://box/" });
vi.stubGlobal("addEventListener", () => undefined);
const { bars, clock, nameBytes, until, worth } = await import("@/views/wifi/data");

describe("what is counted", () => {
  it("shows whole seconds, and 0:00 only at the end", () => {
    expect([300, 299.2, 61, 59.01, 0.2, 0].map(clock)).toEqual(["5:00", "5:00", "1:01", "1:00", "0:01", "0:00"]);
  });
  it("never counts below nothing", () => {
    expect(until("2026-01-01T00:00:10Z", Date.parse("2026-01-01T00:00:04Z"))).toBe(6);
    expect(until("2026-01-01T00:00:10Z", Date.parse("2026-01-01T00:01:00Z"))).toBe(0);
  });
  it("has four bars", () => {
    expect([-40, -55, -60, -70, -90].map(bars)).toEqual([4, 4, 3, 2, 1]);
  });
  it("counts bytes, not letters", () => {
    expect(nameBytes("Café ☕")).toBe(9);
  });
  it("knows what no password can be, and what is easily guessed", () => {
    expect(worth("seven77")).toBe("short");
    expect(worth("x".repeat(64))).toBe("long");
    expect(worth("ab".repeat(32))).toBe("strong"); // a raw key
    expect(worth("pässwörter")).toBe("signs");
    expect(worth("aaaaaaaaaaaaaaaaaa")).toBe("weak");
    expect(worth("sunshine")).toBe("weak");
    expect(worth("tH7-kw9-Qx2-pp4-mN")).toBe("strong");
  });
});
