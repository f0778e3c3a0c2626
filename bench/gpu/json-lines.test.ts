import { expect, test } from "vitest";
import { jsonLines } from "./json-lines.js";

const never = new AbortController().signal;

async function linesOf(script: string, signal = never): Promise<unknown[]> {
  const lines: unknown[] = [];
  const program = { name: "it", command: process.execPath, args: ["-e", script], signal };
  for await (const line of jsonLines(program)) lines.push(line);
  return lines;
}

test("lines come as objects", async () => {
  expect(await linesOf(`console.log('{"a":1}'); console.log('{"b":2}')`)).toEqual([{ a: 1 }, { b: 2 }]);
});

test("whoever fails says why, after what it had", async () => {
  await expect(linesOf(`console.error("no GPU"); process.exit(3)`)).rejects.toThrow(
    /it ended with code 3: no GPU/,
  );
  await expect(linesOf(`console.log("plain")`)).rejects.toThrow(/no JSON: plain/);
});

test("a program that is not there is named", async () => {
  const program = { name: "it", command: "/nowhere/python3", args: [], signal: never };
  await expect(jsonLines(program).next()).rejects.toThrow(/it cannot be started.*ENOENT/);
});

test("an abort ends the program and is told", async () => {
  const aborted = new AbortController();
  const program = {
    name: "it",
    command: process.execPath,
    args: ["-e", `console.log("{}"); setInterval(() => {}, 1000)`],
    signal: aborted.signal,
  };
  const lines = jsonLines(program);
  await lines.next();
  aborted.abort(new Error("out of time"));
  await expect(lines.next()).rejects.toThrow("out of time");
});
