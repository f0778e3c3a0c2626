import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type EventBody, type EventKind, eventKinds, eventSchemas } from "./event-schemas.js";
import { eventSubject, eventWildcard, parseEventSubject } from "./event-subject.js";
import { parseEvent } from "./subscribe-events.js";

const examples: { [Kind in EventKind]: EventBody<Kind>[] } = {
  health: [
    {
      workerId: "w0",
      incarnation: "a1",
      stageIndex: 0,
      epoch: 3,
      firstLayer: 0,
      endLayer: 15,
      state: "READY",
      blocksUsed: 4,
      blocksTotal: 512,
      sequences: 1,
      busyShare: 0.5,
      waitInShare: 0.4,
      waitOutShare: 0.05,
      sendShare: 0.05,
      steps: 10,
      tokens: 64,
      weightBytes: 1e8,
      residentBytes: 2e8,
      freeMemoryBytes: 8e9,
      hopP50Us: 210.5,
      hopP99Us: 800,
    },
  ],
  state: [
    { scope: "cluster", epoch: 1, state: "SERVING", detail: "serving with 2 stages" },
    { scope: "worker", epoch: 1, workerId: "w1", incarnation: "b2", state: "LEFT", detail: "" },
  ],
  plan: [
    {
      epoch: 2,
      model: "m",
      variant: "f32",
      laneCount: 2,
      bottleneck: "stage 1",
      decodeTokensPerSecond: 100,
      prefillTokensPerSecond: 1000,
      singleTokensPerSecond: 60,
      stages: [
        {
          workerId: "w0",
          firstLayer: 0,
          endLayer: 30,
          decodeMs: 8,
          prefillMs: 90,
          hopMs: 0.3,
          weightBytes: 1e8,
          kvBytes: 1e7,
        },
      ],
      leftOut: [{ workerId: "w1", reason: "slow" }],
      remarks: [],
    },
  ],
  epoch: [
    {
      epoch: 2,
      reason: "w1 left",
      laneCount: 2,
      blockCount: 512,
      blockSize: 16,
      stages: [{ workerId: "w0", incarnation: "a1", firstLayer: 0, endLayer: 30 }],
    },
  ],
  request: [
    {
      requestId: "r-1",
      model: "m",
      finishReason: "stop",
      promptTokens: 4,
      completionTokens: 8,
      cachedTokens: 0,
      ttftMs: 30,
      durationMs: 110,
    },
    {
      requestId: "r-2",
      model: "m",
      finishReason: "error",
      errorCode: "UNAVAILABLE",
      promptTokens: 4,
      completionTokens: 0,
      cachedTokens: 0,
      durationMs: 1,
    },
  ],
};

describe.each(eventKinds)("%s", (kind) => {
  test("its JSON schema is the documented one", async () => {
    const schema = JSON.stringify(z.toJSONSchema(eventSchemas[kind]), undefined, 2);
    await expect(`${schema}\n`).toMatchFileSnapshot(`../../docs/events/${kind}.schema.json`);
  });

  test("what is published is what arrives", () => {
    for (const body of examples[kind]) {
      const payload = { at: "2026-01-02T03:04:05.678Z", ...body };
      const subject = eventSubject("local", kind, "some.id");
      const expected = { subject: `stagecoach.local.${kind}.some_id`, kind, id: "some_id", payload };
      expect(parseEvent(subject, JSON.stringify(payload))).toEqual(expected);
    }
  });

  test("a payload without its time is no event", () => {
    const parsed = parseEvent(eventSubject("local", kind, "x"), JSON.stringify(examples[kind][0]));
    expect(parsed).toHaveProperty("problem");
  });
});

describe("subjects", () => {
  test("an id cannot add levels or wildcards", () => {
    expect(eventSubject("a.b", "health", "w.1 >*\r\nPUB x")).toBe("stagecoach.a_b.health.w_1_____PUB_x");
    expect(eventSubject("local", "health", "")).toBe("stagecoach.local.health._");
  });

  test("wildcards", () => {
    expect(eventWildcard("local")).toBe("stagecoach.local.>");
    expect(eventWildcard("local", "plan")).toBe("stagecoach.local.plan.*");
  });

  test.each([
    "stagecoach.local.health",
    "stagecoach.local.toString.w0",
    "stagecoach.local.health.a.b",
    "other.local.health.w0",
    "stagecoach..health.w0",
  ])("no event: %s", (subject) => {
    expect(parseEventSubject(subject)).toBeUndefined();
    expect(parseEvent(subject, "{}")).toHaveProperty("problem");
  });

  test("text that is not JSON is no event", () => {
    expect(parseEvent("stagecoach.local.plan.1", "{")).toEqual({ problem: "the payload is not JSON" });
  });
});
