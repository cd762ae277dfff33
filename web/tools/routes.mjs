// Writes build/routes.ts: how each operation goes over HTTP, from the same document as the types; and what each does in
// words, in a file of its own (build/summaries.ts), because only lists of what was done need it.
import { readFileSync, writeFileSync } from "node:fs";

const document = JSON.parse(readFileSync("build/openapi.json", "utf8"));
const routes = {};
const summaries = {};
for (const [path, methods] of Object.entries(document.paths)) {
  for (const [method, row] of Object.entries(methods)) {
    if (!row.operationId) continue;
    summaries[row.operationId] = row.summary;
    routes[row.operationId] = { method: method.toUpperCase(), path, scope: row["x-scope"], mutates: row["x-mutates"] };
  }
}
const sorted = Object.fromEntries(Object.entries(routes).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(
  "build/routes.ts",
  "// Generated from the OpenAPI document; `make page` makes it anew.\n" +
    `export const ROUTES = ${JSON.stringify(sorted, null, 1)} as const;\n`,
);
writeFileSync(
  "build/summaries.ts",
  "// Generated from the OpenAPI document; `make page` makes it anew.\n" +
    `export const SUMMARIES: Readonly<Record<string, string>> = ${JSON.stringify(summaries, null, 1)};\n`,
);
