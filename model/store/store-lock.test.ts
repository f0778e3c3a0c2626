import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { withLock } from "./store-lock.js";

async function setUp(): Promise<{ path: string; purpose: string }> {
  return { path: join(await tempFolder(), "state", "store.lock"), purpose: "testing" };
}

/** A lock as a holder leaves it that was killed. */
async function leaveLock(path: string, holder: { pid: number; host: string }): Promise<void> {
  await mkdir(path, { recursive: true });
  await writeFile(`${path}.holder`, JSON.stringify({ ...holder, purpose: "dying" }));
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid ?? 0;
}

test("one body runs at a time, and nothing is left after the last", async () => {
  const options = await setUp();
  const log: string[] = [];
  const body = (name: string) => async () => {
    log.push(`${name} begins`);
    await stat(options.path);
    await new Promise(setImmediate);
    log.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all(["a", "b", "c"].map((name) => withLock(options, body(name))));
  expect(results).toEqual(["a", "b", "c"]);
  expect(log.map((line) => line.split(" ")[1])).toEqual([
    "begins",
    "ends",
    "begins",
    "ends",
    "begins",
    "ends",
  ]);
  expect(await readdir(dirname(options.path))).toEqual([]);
});

test("who does not wait hears who holds it", async () => {
  const options = await setUp();
  await withLock(options, async () => {
    await expect(withLock({ ...options, wait: false }, async () => 1)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining(`process ${process.pid} on ${hostname()} is testing`),
    });
  });
});

test("the lock is released when the body fails", async () => {
  const options = await setUp();
  const failing = withLock(options, async () => {
    throw new Error("broken");
  });
  await expect(failing).rejects.toThrow("broken");
  expect(await withLock({ ...options, wait: false }, async () => 1)).toBe(1);
});

test("a holder that was killed on this machine is passed over at once", async () => {
  const options = await setUp();
  await leaveLock(options.path, { pid: await deadPid(), host: hostname() });
  expect(await withLock({ ...options, wait: false }, async () => 1)).toBe(1);
});

test("a holder on another machine is believed, whatever its number is here", async () => {
  const options = await setUp();
  await leaveLock(options.path, { pid: await deadPid(), host: "elsewhere" });
  await expect(withLock({ ...options, wait: false }, async () => 1)).rejects.toThrow("on elsewhere is dying");
});

test("waiting ends with the signal", async () => {
  const options = await setUp();
  const abort = new AbortController();
  await withLock(options, async () => {
    const waiting = withLock(
      { ...options, signal: abort.signal, onWait: () => abort.abort() },
      async () => 1,
    );
    await expect(waiting).rejects.toMatchObject({ code: "CANCELLED" });
  });
});
