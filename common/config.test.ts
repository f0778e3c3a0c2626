import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compileConfig, flagsFor, resolveHome } from "./config.js";
import { flagOf, nearest, variableOf } from "./config-names.js";
import { type SettingName, settings } from "./config-settings.js";

let folder: string;
let home: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-config-"));
  home = mkdtempSync(join(tmpdir(), "stagecoach-home-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  rmSync(home, { recursive: true });
});

function compile(flags: Record<string, string>, environment: Record<string, string> = {}) {
  return compileConfig(["maxNumSeqs", "http", "memoryLimitBytes", "variant", "stages"], {
    flags: { home, ...flags },
    environment,
    folder,
  });
}

function writeFile(where: string, content: unknown): string {
  const path = join(where, "stagecoach.config.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

test("switches and words stand beside numbers", () => {
  const names = ["prefixCache", "targetItlMs"] as const;
  const compiled = (flags: Record<string, unknown>) =>
    compileConfig(names, { flags: { home, ...flags }, environment: {}, folder });
  expect(compiled({})).toEqual({ prefixCache: true, targetItlMs: "auto" });
  // What commander makes of --no-prefix-cache.
  expect(compiled({ prefixCache: false, targetItlMs: "12.5" })).toEqual({
    prefixCache: false,
    targetItlMs: 12.5,
  });
  expect(compiled({ prefixCache: "off" }).prefixCache).toBe(false);
  expect(() => compiled({ prefixCache: "maybe" })).toThrow('--prefix-cache is "maybe": give on or off');
  expect(() => compiled({ targetItlMs: "0" })).toThrow("give auto or a number from 0.1");
  expect(flagsFor({ prefixCache: false })).toEqual(["--prefix-cache", "false"]);
});

describe("precedence", () => {
  test("a flag wins over the variable, that over the file, that over the default", () => {
    expect(compile({}).maxNumSeqs).toBe(settings.maxNumSeqs.default);
    writeFile(folder, { maxNumSeqs: 3 });
    expect(compile({}).maxNumSeqs).toBe(3);
    expect(compile({}, { STAGECOACH_MAX_NUM_SEQS: "4" }).maxNumSeqs).toBe(4);
    expect(compile({ maxNumSeqs: "5" }, { STAGECOACH_MAX_NUM_SEQS: "4" }).maxNumSeqs).toBe(5);
  });

  test("the home's file counts only where the current folder has none", () => {
    writeFile(home, { maxNumSeqs: 7, variant: "f32" });
    expect(compile({})).toMatchObject({ maxNumSeqs: 7, variant: "f32" });
    writeFile(folder, { maxNumSeqs: 8 });
    expect(compile({})).toMatchObject({ maxNumSeqs: 8, variant: "auto" });
  });

  test("an empty variable counts as unset", () => {
    expect(compile({}, { STAGECOACH_MAX_NUM_SEQS: "" }).maxNumSeqs).toBe(settings.maxNumSeqs.default);
  });

  test("settings without a default stay undefined, and values cannot be changed", () => {
    const values = compile({});
    expect(values.stages).toBeUndefined();
    expect(values.memoryLimitBytes).toBeUndefined();
    expect(Object.isFrozen(values)).toBe(true);
  });
});

describe("resolveHome", () => {
  test("takes the flag, then the variable, then the current folder's file, then ~/.stagecoach", () => {
    const bare = { folder, environment: {} };
    expect(resolveHome(undefined, bare).root).toBe(join(homedir(), ".stagecoach"));
    writeFile(folder, { home: "here" });
    expect(resolveHome(undefined, bare).root).toBe(join(folder, "here"));
    const environment = { STAGECOACH_HOME: home };
    expect(resolveHome(undefined, { folder, environment }).root).toBe(home);
    expect(resolveHome("/elsewhere", { folder, environment }).root).toBe("/elsewhere");
  });
});

describe("bad values name their place, themselves and a good value", () => {
  const refused: [string, () => unknown, string][] = [
    [
      "flag",
      () => compile({ maxNumSeqs: "many" }),
      '--max-num-seqs is "many": give a whole number from 1 to 4096',
    ],
    ["zero", () => compile({ maxNumSeqs: "0" }), '--max-num-seqs is "0": give a whole number'],
    ["fraction", () => compile({ maxNumSeqs: "1.5" }), '--max-num-seqs is "1.5"'],
    [
      "variable",
      () => compile({}, { STAGECOACH_HTTP: "there" }),
      'STAGECOACH_HTTP is "there": give HOST:PORT',
    ],
    ["port", () => compile({ http: "127.0.0.1:65536" }), '--http is "127.0.0.1:65536"'],
    ["word", () => compile({ variant: "f8" }), "give one of auto, as-is, f32, f16, int8, int4"],
    ["size", () => compile({ memoryLimitBytes: "10 parsecs" }), "such as 512MiB or 2GB"],
  ];
  test.each(refused)("%s", (_, run, message) => {
    expect(run).toThrow(message);
    expect(run).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("file", () => {
    const path = writeFile(folder, { maxNumSeqs: -1 });
    expect(() => compile({})).toThrow(`"maxNumSeqs" in ${path} is "-1": give a whole number`);
  });

  test("unknown key in the file, with the nearest known one", () => {
    const path = writeFile(folder, { max_num_seq: 4 });
    expect(() => compile({})).toThrow(
      `${path} has the unknown key "max_num_seq": did you mean "maxNumSeqs"?`,
    );
    writeFile(folder, { toString: 4 });
    expect(() => compile({})).toThrow('unknown key "toString": ');
  });

  test.each(["[1]", "null", "4", "{", '{"maxNumSeqs": [4]}', '{"maxNumSeqs": null}'])(
    "file %s",
    (content) => {
      writeFile(folder, content);
      expect(() => compile({})).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    },
  );
});

describe("kinds", () => {
  test.each([
    ["8080", "127.0.0.1:8080"],
    ["0.0.0.0:0", "0.0.0.0:0"],
    [":8080", ":8080"],
    ["[::1]:9", "[::1]:9"],
    ["node-1.example.org:9", "node-1.example.org:9"],
  ])("listen address %s", (text, value) => expect(settings.http.kind.parse(text)).toBe(value));

  test.each([":7070", "host:0", "host", "host:99999", "::1:7070", "a b:1", ""])(
    "no peer address: %s",
    (text) => {
      expect(settings.join.kind.parse(text)).toBeUndefined();
    },
  );

  test.each([
    ["16777216", 16_777_216],
    ["512MiB", 536_870_912],
    ["512M", 536_870_912],
    ["2GB", 2_000_000_000],
    ["1.5g", 1_610_612_736],
  ])("size %s", (text, value) => expect(settings.memoryLimitBytes.kind.parse(text)).toBe(value));

  test.each(["", "-1", "1e9", "5XB", "16777215", "99999999TB", "NaN"])("no size: %s", (text) => {
    expect(settings.memoryLimitBytes.kind.parse(text)).toBeUndefined();
  });
});

describe("names", () => {
  test("one name in three forms", () => {
    expect(flagOf("maxNumSeqs")).toBe("--max-num-seqs");
    expect(variableOf("maxNumSeqs")).toBe("STAGECOACH_MAX_NUM_SEQS");
  });

  test("nearest", () => {
    expect(nearest("MAX-NUM-SEQS", Object.keys(settings))).toBe("maxNumSeqs");
    expect(nearest("thread", Object.keys(settings))).toBe("threads");
    expect(nearest("zzzzzzzz", Object.keys(settings))).toBeUndefined();
  });

  test("flags handed to a child give the same values there", () => {
    const names = Object.keys(settings) as SettingName[];
    const flags = {
      home,
      stages: "3",
      memoryLimitBytes: "1GiB",
      throttle: "2.5",
      nats: "nats://h:1",
      join: "7",
    };
    const values = compileConfig(names, { flags, environment: {}, folder });
    const handed: Record<string, string> = {};
    const line = flagsFor(values);
    for (const name of names) {
      const at = line.indexOf(flagOf(name));
      if (at >= 0) handed[name] = line[at + 1] ?? "";
    }
    expect(compileConfig(names, { flags: handed, environment: {}, folder })).toEqual(values);
  });

  test("every default is a good value", () => {
    for (const { kind, default: value } of Object.values(settings)) {
      if (value !== undefined) expect(kind.parse(String(value))).toBe(value);
    }
  });
});
