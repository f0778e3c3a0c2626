import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { eventSchemas } from "../../common/events/event-schemas.js";
import type { StageState__Output } from "../../proto/gen/stagecoach/v1/StageState.js";
import { describeStage } from "../transport/describe-stage.js";
import { StageEvents, sharesBetween } from "./stage-events.js";

const ready: StageState__Output = {
  ...describeStage({ kind: "idle" }),
  state: "READY",
  epoch: 4,
  firstLayer: 2,
  endLayer: 9,
  times: { busyMs: 600, waitInMs: 200, waitOutMs: 150, sendMs: 50 },
};

let stage: StageState__Output;
let published: [string, string, object][];
let events: StageEvents;

beforeEach(() => {
  vi.useFakeTimers();
  stage = ready;
  published = [];
  events = new StageEvents({
    events: {
      publish: (kind, id, body) => published.push([kind, id, body]),
      status: "on",
      dropped: 0,
      close: async () => {},
    },
    workerId: "w0",
    incarnation: "abc",
    stageIndex: () => 1,
    heartbeat: () => ({ eventLoop: null, stage, residentBytes: 5, freeMemoryBytes: 7 }),
  });
});

afterEach(async () => {
  await events.close();
  vi.useRealTimers();
});

test("health and state are what their schemas say", () => {
  vi.advanceTimersByTime(1_000);
  const at = "2026-01-01T00:00:00.000Z";
  expect(published.map(([kind, id]) => [kind, id])).toEqual([
    ["state", "w0"],
    ["health", "w0"],
  ]);
  expect(eventSchemas.state.parse({ at, ...published[0]?.[2] })).toMatchObject({
    scope: "worker",
    state: "READY",
    stageIndex: 1,
    detail: "layers 2 to 9",
  });
  expect(eventSchemas.health.strict().parse({ at, ...published[1]?.[2] })).toMatchObject({
    state: "READY",
    epoch: 4,
    busyShare: 0.6,
    waitInShare: 0.2,
    waitOutShare: 0.15,
    sendShare: 0.05,
    residentBytes: 5,
  });
});

test("a GPU's health tells the form of its weights, a CPU's does not", () => {
  vi.advanceTimersByTime(1_000);
  stage = { ...ready, weights: "packed" };
  vi.advanceTimersByTime(1_000);
  const health = published.filter(([kind]) => kind === "health");
  expect(health.map(([, , body]) => "weights" in body && body.weights)).toEqual([false, "packed"]);
});

test("a failure carries its reason", () => {
  stage = { ...ready, state: "FAILED", error: "stage 1: lost" };
  events.publishState();
  vi.advanceTimersByTime(1_000);
  expect(published.at(-2)?.[2]).toMatchObject({ state: "FAILED", detail: "stage 1: lost" });
  expect(published.at(-1)?.[2]).toMatchObject({ state: "FAILED", error: "stage 1: lost" });
});

test("shares are of the time since the last event, and of a new stage's own time", () => {
  const before = { busyMs: 100, waitInMs: 100, waitOutMs: 0, sendMs: 0 };
  expect(sharesBetween(before, { ...before, busyMs: 175, sendMs: 25 })).toMatchObject({
    busyShare: 0.75,
    sendShare: 0.25,
  });
  const anew = { busyMs: 10, waitInMs: 30, waitOutMs: 0, sendMs: 0 };
  expect(sharesBetween(before, anew)).toMatchObject({ busyShare: 0.25, waitInShare: 0.75 });
  expect(sharesBetween(before, before).busyShare).toBe(0);
});
