// Adds to package-lock.json the optional packages of other platforms that a registry mirror left out, so
// that `npm ci` works everywhere. Run it after adding packages; later installs keep the entries.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8"));
const systems = [
  ["darwin", /darwin|mac/],
  ["win32", /win/],
  ["linux", /linux/],
  ["android", /android/],
  ["freebsd", /freebsd/],
  ["openharmony", /openharmony/],
];
let added = 0;
for (const entry of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key] !== undefined) continue;
    lock.packages[key] = describe(name, version, entry.dev === true);
    added += 1;
  }
}
if (added > 0) writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} optional packages added to package-lock.json`);

/** Names like `@biomejs/cli-linux-x64-musl` say what they are for. */
function describe(name, version, dev) {
  const system = systems.find(([, pattern]) => pattern.test(name))?.[0] ?? "none";
  const processor = /arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el/.exec(name)?.[0] ?? "none";
  return {
    version,
    ...(dev && { dev: true }),
    optional: true,
    os: [system],
    cpu: [processor],
    ...(name.endsWith("musl") && { libc: ["musl"] }),
  };
}
