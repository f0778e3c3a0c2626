import { expect, test } from "vitest";
import { compileConfig } from "../../common/config.js";
import { coordinatorFlags, cpuShare, upSettings, workerFlags } from "./up-settings.js";

function valuesOf(flags: Record<string, string>) {
  return compileConfig(upSettings, {
    flags: { home: "/nowhere", device: "cpu", ...flags },
    environment: {},
    folder: "/nowhere",
  });
}

/** The arguments of one of so many workers on the CPU. */
async function flagsOf(flags: Record<string, string>, index: number, count: number): Promise<string[]> {
  const workers = Array.from({ length: count }, (_, at) => ({ workerId: `w${at}`, devices: ["cpu"] }));
  return await workerFlags(valuesOf(flags), workers, index, "0.0.0.0:7070");
}

/** The value after a flag; undefined without it. */
function valueIn(args: readonly string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args[at + 1];
}

test("the coordinator waits for exactly the workers that are started", () => {
  const args = coordinatorFlags(
    valuesOf({ maxNumSeqs: "5", threads: "3", stages: "2", replicas: "2" }),
    "nats://127.0.0.1:9",
  );
  expect(args[0]).toBe("coordinator");
  const flags = ["--stages", "--expected-workers", "--nats", "--max-num-seqs", "--home", "--threads"];
  expect(flags.map((flag) => valueIn(args, flag))).toEqual([
    "2",
    "4",
    "nats://127.0.0.1:9",
    "5",
    "/nowhere",
    undefined,
  ]);
  expect(valueIn(coordinatorFlags(valuesOf({}), undefined), "--nats")).toBe("off");
});

test("engines keep to processors of their own where together they take all", () => {
  const four = [0, 1, 4, 5];
  expect([0, 1].map((index) => cpuShare(four, index, 2, 2))).toEqual(["0,1", "4,5"]);
  expect(cpuShare(four, 0, 1, 4)).toBeUndefined();
  expect(cpuShare(four, 1, 3, 1)).toBeUndefined();
  expect(cpuShare([], 0, 2, 1)).toBeUndefined();
});

test("workers share the machine unless they are told what to take", async () => {
  const args = await flagsOf({ throttle: "2" }, 1, 256);
  const flags = ["--worker-id", "--join", "--listen", "--threads", "--throttle", "--http"];
  const expected = ["w1", "127.0.0.1:7070", "127.0.0.1:0", "1", "2", undefined];
  expect(flags.map((flag) => valueIn(args, flag))).toEqual(expected);
  const limitAmong = async (count: number) =>
    Number(valueIn(await flagsOf({}, 0, count), "--memory-limit-bytes"));
  const [half, tenth] = [await limitAmong(2), await limitAmong(10)];
  expect(tenth).toBeGreaterThan(0);
  expect(tenth).toBeLessThan(half);
  expect(await flagsOf({}, 0, 1)).not.toContain("--memory-limit-bytes");
  const told = await flagsOf({ threads: "3", memoryLimitBytes: "1GiB" }, 0, 2);
  expect([valueIn(told, "--threads"), valueIn(told, "--memory-limit-bytes")]).toEqual(["3", String(2 ** 30)]);
});

test("a process with several devices is told all of them, and shares out their memory itself", async () => {
  const workers = [
    { workerId: "w0", devices: ["cuda:0", "cuda:1"] },
    { workerId: "w1", devices: ["cpu"] },
  ];
  const args = await Promise.all(workers.map((_, index) => workerFlags(valuesOf({}), workers, index, "h:1")));
  expect(args.map((one) => [valueIn(one, "--worker-id"), valueIn(one, "--device")])).toEqual([
    ["w0", "cuda:0,cuda:1"],
    ["w1", "cpu"],
  ]);
  for (const one of args) expect(one).not.toContain("--memory-limit-bytes");
});
