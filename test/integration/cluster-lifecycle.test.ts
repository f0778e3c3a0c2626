import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { readClusterFile, readRunningCluster } from "../../cli/state/cluster-file.js";
import { findNatsServer } from "../../cli/up/nats-server.js";
import { startUp, tinyModel } from "../fixtures/local-cluster.js";
import { allGone, descendantsOf, processesNaming } from "../fixtures/process-tree.js";
import { testScope } from "../fixtures/scope.js";
import { newHome, runCli, startCli } from "../fixtures/spawn-cli.js";

const simulated = ["--device", "simulated"];
const upArgs = ["up", ...tinyModel, ...simulated, "--nats", "off", "--http", "0", "--grpc", "0"];

test("kill -9 of up leaves no process behind, and its home can be used at once", async () => {
  const scope = testScope();
  const { home, process } = await startUp(scope, [...simulated, "--nats", "auto"]);
  const recorded = (await readClusterFile(home))?.processes ?? [];
  const nats = (await findNatsServer()) === undefined ? [] : ["nats-server"];
  expect(recorded.map(({ name }) => name)).toEqual([...nats, "coordinator", "worker w0", "worker w1"]);
  const started = await descendantsOf(process.pid);
  expect(started).toEqual(expect.arrayContaining(recorded.map(({ pid, identity }) => ({ pid, identity }))));
  await process.kill();
  await allGone(started);
  const again = await startUp(scope, simulated, { home });
  expect((await fetch(`${again.http}/readyz`)).status).toBe(200);
});

test("Ctrl-C ends everything with exit code 0", async () => {
  const { home, process } = await startUp(testScope(), simulated);
  const started = await descendantsOf(process.pid);
  expect(started).toHaveLength(3);
  process.signal("SIGINT");
  expect(await process.ended).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/ending everything\n$/),
  });
  await allGone(started);
  expect(await readClusterFile(home)).toBeUndefined();
});

test("Ctrl-C during the start ends what was started, with exit code 1", async () => {
  const scope = testScope();
  const home = await newHome(scope);
  const process = startCli([...upArgs, "--home", home.root], { scope, home });
  await process.says(/starting 2 workers/);
  expect(await processesNaming(home.root)).not.toEqual([]);
  process.signal("SIGINT");
  expect(await process.ended).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/stagecoach: the start was interrupted; everything has been ended\n$/),
  });
  expect(await processesNaming(home.root)).toEqual([]);
  expect(await readClusterFile(home)).toBeUndefined();
});

test("down ends everything, for up with exit code 0 as well; again it finds nothing", async () => {
  const scope = testScope();
  const { home, process } = await startUp(scope, simulated);
  const started = await descendantsOf(process.pid);
  expect(await runCli(["down"], { scope, home })).toMatchObject({ code: 0, stderr: "ended\n" });
  await allGone(started);
  expect(await process.ended).toMatchObject({ code: 0 });
  expect(await runCli(["down"], { scope, home })).toMatchObject({
    code: 0,
    stderr: `nothing runs in ${home.root}\n`,
  });
});

test("a second up in one home is refused by the first one's process; the first serves on", async () => {
  const scope = testScope();
  const { home, http, process } = await startUp(scope, simulated);
  const second = await runCli(upArgs, { scope, home });
  expect(second).toMatchObject({ code: 1, stdout: "" });
  expect(second.stderr).toContain(`a cluster already runs in ${home.root} (process ${process.pid})`);
  expect(second.stderr).toContain("stagecoach down");
  expect((await fetch(`${http}/readyz`)).status).toBe(200);
  expect((await readRunningCluster(home))?.owner.pid).toBe(process.pid);
});

test.each(["--http", "--grpc"])("an occupied port for %s fails the start, naming both", async (flag) => {
  const scope = testScope();
  const port = await occupiedPort();
  const home = await newHome(scope);
  const process = startCli([...upArgs, flag, String(port)], { scope, home });
  const { code, stderr } = await process.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`stagecoach: coordinator: .*127\\.0\\.0\\.1:${port}.*${flag}`));
  expect(await readClusterFile(home)).toBeUndefined();
});

test("a worker that dies under up ends the others, with exit code 1 and its name", async () => {
  const { home, process } = await startUp(testScope(), simulated);
  const started = await descendantsOf(process.pid);
  const worker = (await readClusterFile(home))?.processes.find(({ name }) => name === "worker w1");
  globalThis.process.kill(worker?.pid ?? 0, "SIGKILL");
  const { code, stderr } = await process.ended;
  expect(code).toBe(1);
  expect(stderr).toContain(`the worker w1 (process ${worker?.pid}) ended by SIGKILL; its log is `);
  await allGone(started);
});

async function occupiedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
