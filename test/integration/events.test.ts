import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "nats";
import { expect, onTestFinished, test } from "vitest";
import { connectEvents, type EventPublisher } from "../../common/events/connect-events.js";
import { type ReceivedEvent, subscribeEvents } from "../../common/events/subscribe-events.js";
import { createLogger } from "../../common/log.js";
import { startTestNats } from "../fixtures/nats-server.js";

const log = createLogger({ name: "test", level: "silent" });

function openPublisher(url: string | undefined, cluster = "test"): EventPublisher {
  const publisher = connectEvents({ url, cluster, log });
  onTestFinished(() => publisher.close());
  return publisher;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

const outcome = {
  requestId: "r1",
  model: "m",
  finishReason: "stop",
  promptTokens: 1,
  completionTokens: 2,
  cachedTokens: 0,
  durationMs: 3,
} as const;

/** Collects events in the background; resolves once the server knows of it. */
async function listen(url: string, kinds?: ["request"]): Promise<ReceivedEvent[]> {
  const received: ReceivedEvent[] = [];
  const ended = new AbortController();
  let heard: () => void = () => undefined;
  const listening = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const reading = (async () => {
    const options = {
      url,
      cluster: "test",
      signal: ended.signal,
      onListening: heard,
      ...(kinds && { kinds }),
    };
    for await (const event of subscribeEvents(options)) received.push(event);
  })();
  await Promise.race([listening, reading]);
  onTestFinished(async () => {
    ended.abort();
    await reading;
  });
  return received;
}

test("what is published arrives, checked and timed; other clusters and kinds do not", async () => {
  const nats = await startTestNats();
  const received = await listen(nats.url, ["request"]);
  const [publisher, stranger] = [openPublisher(nats.url), openPublisher(nats.url, "other")];
  await until(() => publisher.status === "on" && stranger.status === "on");
  stranger.publish("request", "r0", { ...outcome, requestId: "r0" });
  publisher.publish("state", "cluster", { scope: "cluster", epoch: 0, state: "SERVING", detail: "" });
  publisher.publish("request", "r1", outcome);
  await until(() => received.length > 0);
  const at = expect.stringMatching(/^\d{4}-.*Z$/);
  const [subject, kind, id] = ["stagecoach.test.request.r1", "request", "r1"];
  expect(received).toEqual([{ subject, kind, id, payload: { at, ...outcome } }]);
  expect(publisher.dropped).toBe(0);
});

test("JetStream keeps events in a bounded stream", async () => {
  const nats = await startTestNats();
  const publisher = openPublisher(nats.url);
  const connection = await connect({ servers: nats.url });
  onTestFinished(() => connection.close());
  const manager = await connection.jetstreamManager();
  const info = () => manager.streams.info("STAGECOACH_test").catch(() => undefined);
  while ((await info()) === undefined) await sleep(10);
  publisher.publish("request", "r1", outcome);
  while ((await info())?.state.messages !== 1) await sleep(10);
  const config = (await info())?.config;
  expect(config?.subjects).toEqual(["stagecoach.test.>"]);
  for (const limit of [config?.max_bytes, config?.max_age, config?.max_msgs_per_subject]) {
    expect(limit).toBeGreaterThan(0);
  }
});

test("events are dropped and counted while NATS is away, and flow again when it is back", async () => {
  const first = await startTestNats();
  const publisher = openPublisher(first.url);
  await until(() => publisher.status === "on");
  await first.stop();
  await until(() => publisher.status !== "on");
  expect(publisher.status).toMatch(/^off: /);
  publisher.publish("request", "r1", outcome);
  expect(publisher.dropped).toBe(1);

  const second = await startTestNats(first.port);
  await until(() => publisher.status === "on");
  const received = await listen(second.url);
  publisher.publish("request", "r2", { ...outcome, requestId: "r2" });
  await until(() => received.length > 0);
  expect(received.map(({ id }) => id)).toEqual(["r2"]);
});

test("a server that comes late is found", async () => {
  const gone = await startTestNats();
  await gone.stop();
  const publisher = openPublisher(gone.url);
  await until(() => publisher.status.includes("cannot reach NATS"));
  await startTestNats(gone.port);
  await until(() => publisher.status === "on");
});

test("an event over the bound is dropped, a short one after it is not", async () => {
  const nats = await startTestNats();
  const publisher = openPublisher(nats.url);
  await until(() => publisher.status === "on");
  publisher.publish("request", "long", { ...outcome, requestId: "x".repeat(65_536) });
  expect(publisher.dropped).toBe(1);
  publisher.publish("request", "r1", outcome);
  expect(publisher.dropped).toBe(1);
});

test("without a server nothing is sent and nothing fails", async () => {
  const publisher = openPublisher(undefined);
  publisher.publish("request", "r1", outcome);
  expect(publisher.status).toMatch(/^off: no NATS server/);
});

test("listening to nobody fails with the way out", async () => {
  const gone = await startTestNats();
  await gone.stop();
  await expect(listen(gone.url)).rejects.toThrow(/cannot reach NATS at .*start nats-server there/);
});
