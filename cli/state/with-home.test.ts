import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import {
  type ClusterFile,
  describeProcess,
  readClusterFile,
  readRunningCluster,
  writeClusterFile,
} from "./cluster-file.js";
import { endProcess } from "./end-process.js";
import { isAlive, processIdentity } from "./process-identity.js";
import { withHome } from "./with-home.js";

async function ownFile(): Promise<ClusterFile> {
  const owner = await describeProcess("up", process.pid);
  if (owner === undefined) throw new Error("this process lives");
  return { formatVersion: 1, owner, processes: [], cluster: "c", model: "m", variant: "f32" };
}

test("a home is used by one at a time; the second is told by whom", async () => {
  const home = await temporaryHome();
  await withHome(home, async () => {
    await writeClusterFile(home, await ownFile());
    const second = withHome(home, () => Promise.reject(new Error("never runs")));
    await expect(second).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining(`(process ${process.pid}): end it with \`stagecoach down\``),
    });
  });
  expect(await readClusterFile(home)).toBeUndefined();
  expect(await withHome(home, () => Promise.resolve("free again"))).toBe("free again");
});

test("what the body fails with stays itself, and the home is free again", async () => {
  const home = await temporaryHome();
  const failure = new Error("mine");
  await expect(withHome(home, () => Promise.reject(failure))).rejects.toBe(failure);
  await withHome(home, () => Promise.resolve());
});

test("a cluster whose owner is another process by now does not run", async () => {
  const home = await temporaryHome();
  const file = await ownFile();
  await writeClusterFile(home, file);
  expect(await readRunningCluster(home)).toEqual(file);
  await writeClusterFile(home, { ...file, owner: { ...file.owner, identity: "boot/0" } });
  expect(await readRunningCluster(home)).toBeUndefined();
});

test("a damaged file is told of", async () => {
  const home = await temporaryHome();
  mkdirSync(home.state, { recursive: true });
  writeFileSync(join(home.state, "cluster.json"), '{"formatVersion": 2}');
  await expect(readClusterFile(home)).rejects.toMatchObject({ code: "DATA_LOSS" });
});

test("a process is known by its start, and one that is not it is never signalled", async () => {
  const identity = await processIdentity(process.pid);
  expect(identity).toBeTruthy();
  expect(await isAlive(process.pid, identity ?? "")).toBe(true);
  expect(await endProcess({ name: "me", pid: process.pid, identity: "another" }, 10)).toBe("was gone");
  expect(await processIdentity(2 ** 22 + 1)).toBeUndefined();
});
