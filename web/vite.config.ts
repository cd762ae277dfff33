/// <reference types="vitest/config" />
import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

const here = (path: string) => decodeURI(new URL(path, import.meta.url).pathname);

// Everything is served by the box itself: one folder of files whose names change with their content.
export default defineConfig({
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
  resolve: {
    alias: { "@": here("src"), "#routes": here("build/routes.ts") },
  },
  build: {
    outDir: here("../gatewayd/api/page"),
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy takes nothing inline
    modulePreload: { polyfill: false },
    target: "es2022",
    chunkSizeWarningLimit: 700,
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
