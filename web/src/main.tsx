import "@fontsource-variable/atkinson-hyperlegible-next/wght.css";
import "@fontsource-variable/atkinson-hyperlegible-mono/wght.css";
import "@/theme.css";
import "@/ui/ui.css";
import "@/shell.css";
import { render } from "preact";
import { onAccess, Unreachable } from "@/api/call";
import { hurry } from "@/api/live";
import { know, leave } from "@/api/session";
import { Proof, prove } from "@/proof";
import { Shell } from "@/shell";

onAccess({ stepUp: prove, signedOut: leave });

async function start(): Promise<void> {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      return await know();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

render(
  <>
    <Shell />
    <Proof />
  </>,
  document.getElementById("page")!,
);
addEventListener("online", hurry);
addEventListener("visibilitychange", () => document.visibilityState === "visible" && hurry());
void start();
