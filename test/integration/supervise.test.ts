import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { processIdentity } from "../../cli/state/process-identity.js";
import { Child } from "../../cli/up/child.js";
import { Fleet } from "../../cli/up/fleet.js";
import { tempFolder } from "../fixtures/temp-folder.js";

const fixtures = join(import.meta.dirname, "..", "fixtures");
const script = join(fixtures, "run-source.mjs");
const main = join(fixtures, "..", "..", "cli", "main.ts");
const never = new AbortController().signal;

type Behaviour = "serves" | "stubborn" | "refuses" | "crashes";

async function startFake(behaviour: Behaviour, onProgress?: (text: string) => void): Promise<Child> {
  const args = [join(fixtures, "fake-child.ts"), behaviour];
  return await startChild(behaviour, args, onProgress);
}

async function startChild(name: string, args: string[], onProgress?: (text: string) => void): Promise<Child> {
  const logPath = join(await tempFolder(), "logs", `${name}.log`);
  const child = await Child.start({ name, script, args, logPath, ...(onProgress && { onProgress }) });
  onTestFinished(() => child.stop(0));
  return child;
}

/** Waits until no process has one of these ids; a test that waits in vain runs into its time limit. */
async function allGone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    while ((await processIdentity(pid)) !== undefined) await sleep(20);
  }
}

describe("a child", () => {
  test("tells its progress and its facts, and ends when it is asked to", async () => {
    const progress: string[] = [];
    const child = await startFake("serves", (text) => progress.push(text));
    expect(await child.ready(never)).toEqual({ pid: child.pid, address: "127.0.0.1:1" });
    expect(progress).toEqual(["getting ready"]);
    await child.stop(10_000);
    expect(await child.exited).toEqual({ code: 0, signal: null });
  });

  test("that refuses gives its own reason and code", async () => {
    const child = await startFake("refuses");
    await expect(child.ready(never)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: "refuses: the port is taken",
    });
  });

  test("that crashes is told of with its exit code and the end of its log", async () => {
    const child = await startFake("crashes");
    await expect(child.ready(never)).rejects.toThrow(
      /ended with code 7; its log is .*:\n {2}first line\n {2}last line$/,
    );
  });

  test("that does not want to end is killed", async () => {
    const child = await startFake("stubborn");
    await child.ready(never);
    await child.stop(50);
    expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  test("waiting for it ends with the signal", async () => {
    const child = await startChild("sleeper", [main, "supervise", "--", "sleep", "1000"]);
    const abort = new AbortController();
    const waiting = child.ready(abort.signal);
    abort.abort(new Error("too late"));
    await expect(waiting).rejects.toThrow("too late");
  });
});

describe("a supervised program", () => {
  test("ends with its supervisor, also when that is killed", async () => {
    const child = await startChild("foreign", [main, "supervise", "--", "sleep", "1000"]);
    const pid = Number((await child.ready(never))["pid"]);
    expect(await processIdentity(pid)).toBeDefined();
    await child.stop(10_000);
    await allGone([pid]);
  });

  test("that is missing is told of", async () => {
    const child = await startChild("foreign", [main, "supervise", "--", "no-such-program"]);
    await expect(child.ready(never)).rejects.toThrow("cannot start no-such-program");
  });
});

describe("a fleet", () => {
  test("ends in order: who is served by others goes first", async () => {
    const fleet = new Fleet(10_000);
    const ended: string[] = [];
    for (const role of ["nats-server", "worker", "coordinator"] as const) {
      const child = await startFake("serves");
      await child.ready(never);
      fleet.add(child, role);
      void child.exited.then(() => ended.push(role));
    }
    await fleet.stop();
    expect(ended).toEqual(["coordinator", "worker", "nats-server"]);
  });

  test("tells of a child that died, not of one that was stopped", async () => {
    const fleet = new Fleet(10_000);
    const child = await startFake("serves");
    await child.ready(never);
    fleet.add(child, "worker");
    process.kill(child.pid, "SIGKILL");
    expect((await fleet.broken).message).toMatch(`the serves (process ${child.pid}) ended by SIGKILL`);
    await fleet.stop();
  });
});

test("kill -9 of the parent leaves nothing behind", async () => {
  const parent = await startParent();
  const pids = await childrenOf(parent);
  expect(pids).toHaveLength(4);
  for (const pid of pids) expect(await processIdentity(pid)).toBeDefined();
  parent.kill("SIGKILL");
  await allGone([...pids, parent.pid as number]);
});

async function startParent(): Promise<ChildProcess> {
  const args = [script, join(fixtures, "fake-up.ts"), await tempFolder()];
  const parent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void parent.kill("SIGKILL"));
  return parent;
}

async function childrenOf(parent: ChildProcess): Promise<number[]> {
  if (parent.stdout === null) throw new Error("the parent has no stdout");
  const [line] = await once(createInterface({ input: parent.stdout }), "line");
  return JSON.parse(line) as number[];
}
