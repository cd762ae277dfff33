// Puts a .gz beside each file that gains from it: the box serves that one and never compresses by itself.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const FOLDER = "../gatewayd/api/page";
const TEXT = /\.(html|js|css|svg|json|webmanifest)$/;

for (const name of readdirSync(FOLDER, { recursive: true })) {
  const path = join(FOLDER, name);
  if (!TEXT.test(name) || statSync(path).isDirectory()) continue;
  const packed = gzipSync(readFileSync(path), { level: 9 });
  if (packed.length < statSync(path).size) writeFileSync(`${path}.gz`, packed);
}
