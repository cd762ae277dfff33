import { expect, test } from "vitest";
import { bare, clock, digits, groups, visitCode } from "@/views/enter/codes";

test("a claim code is grouped, whatever was pasted around it", () => {
  expect(digits("12345678")).toBe("1234 5678");
  expect(digits("Code: 1234-5678 (box)")).toBe("1234 5678");
  expect(digits("123")).toBe("123");
  expect(digits("123456789")).toBe("1234 5678");
});

test("a technician's code keeps its letters", () => {
  expect(visitCode("NSFFkt7gCK30")).toBe("nsff-kt7g-ck30");
  expect(visitCode(" nsff-kt7g-ck30 ")).toBe("nsff-kt7g-ck30");
  expect(bare("nsff-kt7g-ck30")).toHaveLength(12);
});

test("a fingerprint has eight groups of four", () => {
  expect(groups("13ce61e4137f96ab6a15cb3745251b023af118a675085d45665847557af79c89")).toEqual(
    ["13ce", "61e4", "137f", "96ab", "6a15", "cb37", "4525", "1b02"],
  );
});

test("a countdown never shows less than nothing", () => {
  expect(clock(299.4)).toBe("5:00");
  expect(clock(65)).toBe("1:05");
  expect(clock(-3)).toBe("0:00");
});
