import { connect, type Msg, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readClusterFile } from "../../cli/state/cluster-file.js";
import { findNatsServer } from "../../cli/up/nats-server.js";
import { type EventKind, eventSchemas } from "../../common/events/event-schemas.js";
import { generate, startUp, statusWhere, type TestCoordinator } from "../fixtures/local-cluster.js";
import { allGone } from "../fixtures/process-tree.js";
import { Scope, testScope } from "../fixtures/scope.js";
import { startCli } from "../fixtures/spawn-cli.js";

const installed = (await findNatsServer()) !== undefined;
const flags = ["--device", "simulated", "--nats", "auto", "--cluster", "events-test"];
const short = { prompt: "Once", options: { maxTokens: 3, ignoreEos: true } };

describe.runIf(installed)("a cluster with nats-server", () => {
  const scope = new Scope();
  let cluster: TestCoordinator;
  let connection: NatsConnection;

  beforeAll(async () => {
    cluster = await startUp(scope, flags);
    const { nats } = (await readClusterFile(cluster.home)) ?? {};
    connection = await connect({ servers: nats ?? "" });
    scope.add(() => connection.close());
  });
  afterAll(() => scope.end());

  test("tells each stage's health, again and again", async () => {
    const heard = new Map<string, number>();
    for await (const message of connection.subscribe("stagecoach.events-test.health.*")) {
      const { workerId, state, busyShare, waitInShare, waitOutShare, sendShare } = check(message, "health");
      expect(message.subject).toBe(`stagecoach.events-test.health.${workerId}`);
      expect(state).toBe("READY");
      const shares = busyShare + waitInShare + waitOutShare + sendShare;
      if (shares !== 0) expect(shares).toBeCloseTo(1, 5);
      heard.set(workerId, (heard.get(workerId) ?? 0) + 1);
      if (heard.size === 2 && [...heard.values()].every((count) => count >= 2)) break;
    }
    expect([...heard.keys()].sort()).toEqual(["w0", "w1"]);
  });

  test("tells how a request ended, without its texts", async () => {
    const requests = connection.subscribe("stagecoach.events-test.request.*");
    await connection.flush();
    await generate(cluster.client, short);
    const [message] = await first(requests);
    expect(message && check(message, "request")).toMatchObject({
      model: "stories260k-f32",
      finishReason: "length",
      promptTokens: expect.any(Number),
      completionTokens: 3,
    });
    expect(message?.string()).not.toContain("Once");
  });

  test("keeps events for those who come later: the plan, its epoch, every change of state", async () => {
    const manager = await connection.jetstreamManager();
    const { state } = await manager.streams.info("STAGECOACH_events-test");
    const kept = new Map<string, unknown>();
    for (let sequence = state.first_seq; sequence <= state.last_seq; sequence++) {
      const found = await manager.streams
        .getMessage("STAGECOACH_events-test", { seq: sequence })
        .catch(() => undefined);
      const kind = found?.subject.split(".")[2] as EventKind | undefined;
      if (found && kind) kept.set(found.subject, eventSchemas[kind].parse(found.json()));
    }
    const root = "stagecoach.events-test";
    expect([...kept.keys()]).toEqual(
      expect.arrayContaining([
        `${root}.epoch.1`,
        `${root}.state.cluster`,
        `${root}.state.w0`,
        `${root}.health.w1`,
      ]),
    );
    expect(kept.get(`${root}.epoch.1`)).toMatchObject({ epoch: 1, stages: [{}, {}] });
    expect([...kept.keys()].filter((subject) => subject.startsWith(`${root}.plan.`))).toHaveLength(1);
  });

  test("events prints them, one JSON document a line", async () => {
    const { home } = cluster;
    const events = startCli(["events", "--json", "--kind", "health", "request"], { scope, home });
    await events.says(/listening to nats:\/\/127\.0\.0\.1:\d+, cluster events-test/);
    await generate(cluster.client, short);
    await events.says(/"kind":"request"/);
    await events.says(/"kind":"health"/);
    events.signal("SIGINT");
    const { code, stdout } = await events.ended;
    expect(code).toBe(0);
    for (const line of stdout.trimEnd().split("\n")) {
      const { kind, payload } = JSON.parse(line) as { kind: EventKind; payload: unknown };
      expect(["health", "request"]).toContain(kind);
      eventSchemas[kind].parse(payload);
    }
  });

  test("serves on when nats-server is killed, and says that events are off", async () => {
    expect((await statusWhere(cluster, () => true)).events).toBe("on");
    const { processes = [] } = (await readClusterFile(cluster.home)) ?? {};
    const server = processes.filter(({ name }) => name === "nats-server");
    for (const { pid } of server) process.kill(pid, "SIGKILL");
    await allGone(server);
    const { events } = await statusWhere(cluster, ({ events }) => events !== "on");
    expect(events).toMatch(/^off: /);
    await cluster.process.says(/the nats-server .* ended .*\n?.*Serving goes on without events/s);
    expect((await generate(cluster.client, short)).ids).toHaveLength(3);
    cluster.process.signal("SIGINT");
    expect(await cluster.process.ended).toMatchObject({ code: 0 });
  });
});

test("--nats off starts none and says so", async () => {
  const cluster = await startUp(testScope(), ["--device", "simulated", "--nats", "off"]);
  expect((await statusWhere(cluster, () => true)).events).toMatch(/^off: /);
  expect(cluster.process.stdout).toMatch(/events\s+off: --nats off/);
  const { processes = [], nats } = (await readClusterFile(cluster.home)) ?? {};
  expect(processes.map(({ name }) => name)).not.toContain("nats-server");
  expect(nats).toBeUndefined();
  expect((await generate(cluster.client, short)).ids).toHaveLength(3);
});

/** The payload, held to the schema of its kind. */
function check<Kind extends EventKind>(message: Msg, kind: Kind) {
  expect(message.subject.split(".")[2]).toBe(kind);
  return eventSchemas[kind].parse(message.json()) as ReturnType<(typeof eventSchemas)[Kind]["parse"]>;
}

async function first(messages: AsyncIterable<Msg>): Promise<Msg[]> {
  for await (const message of messages) return [message];
  return [];
}
