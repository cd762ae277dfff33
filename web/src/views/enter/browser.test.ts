import { expect, test } from "vitest";
import { browser } from "@/views/enter/browser";

test("a session is called after its browser and system", () => {
  const chrome = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36";
  const safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1";
  expect(browser(chrome)).toBe("Chrome on Android");
  expect(browser(safari)).toBe("Safari on iPhone or iPad");
  expect(browser("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox on Linux");
  expect(browser("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0")).toBe("Edge on Windows");
  expect(browser("curl/8")).toBe("Browser");
});
