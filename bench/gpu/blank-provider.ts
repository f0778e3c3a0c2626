import { readFileSync, writeFileSync } from "node:fs";
import { keepArchitecture } from "./keep-architecture.js";

// node dist/bench/gpu/blank-provider.js LIBRARY ARCHITECTURE: see keepArchitecture.
const [path, architecture] = process.argv.slice(2);
if (path === undefined || architecture === undefined || !/^\d+$/.test(architecture)) {
  console.error("usage: node dist/bench/gpu/blank-provider.js LIBRARY ARCHITECTURE, such as 90 for Hopper");
  process.exitCode = 2;
} else {
  const library = readFileSync(path);
  const { keptBytes, blankedBytes } = keepArchitecture(library, Number(architecture));
  writeFileSync(path, library);
  console.log(`kept ${keptBytes} bytes of code for architecture ${architecture}, blanked ${blankedBytes}`);
}
