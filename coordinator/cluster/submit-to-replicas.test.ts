import { expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import type { TokenEvent } from "../inference/types.js";
import { createScheduler } from "../scheduler/scheduler.js";
import type { SequenceRequest } from "../scheduler/types.js";
import { RequestRouter } from "./routing/request-router.js";
import { type SubmitTarget, submitToReplicas } from "./submit-to-replicas.js";

const { signal } = new AbortController();

test("a request goes to the first in the router's order that is not full", () => {
  const taken: string[] = [];
  const sessions = [session(0, taken, { refusal: "RESOURCE_EXHAUSTED" }), session(1, taken)];
  expect(submit(sessions, request("a"))).toBeDefined();
  expect(taken).toEqual(["1 a"]);
});

test("when all are full, the first one's refusal is told", () => {
  const sessions = [0, 1].map((replica) => session(replica, [], { refusal: "RESOURCE_EXHAUSTED" }));
  expect(() => submit(sessions, request("a"))).toThrow(
    expect.objectContaining({ code: "RESOURCE_EXHAUSTED", message: "replica 0 refuses" }),
  );
});

test("what is wrong with a request is not asked of another replica", () => {
  const taken: string[] = [];
  const sessions = [session(0, taken, { refusal: "INVALID_ARGUMENT" }), session(1, taken)];
  expect(() => submit(sessions, request("a"))).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  expect(taken).toEqual([]);
});

test("a fork goes where its origin is", () => {
  const taken: string[] = [];
  const sessions = [session(0, taken), session(1, taken, { serves: "a" })];
  submit(sessions, { ...request("b"), forkOf: "a" });
  submit(sessions, { ...request("c"), forkOf: "gone" });
  expect(taken).toEqual(["1 b", "0 c"]);
});

test("without a pipeline that serves there is nobody to take it", () => {
  expect(
    submit(
      [
        { ...session(0, []), ready: false },
        { ...session(1, []), opened: undefined },
      ],
      request("a"),
    ),
  ).toBe(undefined);
});

function submit(sessions: readonly SubmitTarget[], wanted: SequenceRequest) {
  const router = new RequestRouter("least-connections", sessions.length);
  return submitToReplicas(sessions, router, wanted, signal);
}

interface SessionShape {
  readonly refusal?: "RESOURCE_EXHAUSTED" | "INVALID_ARGUMENT";
  readonly serves?: string;
}

function session(replica: number, taken: string[], { refusal, serves }: SessionShape = {}): SubmitTarget {
  const take = ({ requestId }: SequenceRequest): AsyncIterable<TokenEvent> => {
    if (refusal !== undefined) throw new StagecoachError(refusal, `replica ${replica} refuses`);
    taken.push(`${replica} ${requestId}`);
    return nothing();
  };
  const limits = { laneCount: 1, blockSize: 16, blockCount: 4, maxSequences: 2, tokenBudget: 64 };
  const scheduler = createScheduler({ ...limits, maxContext: 64, maxWaiting: 1 });
  const pipeline = { submit: take, serves: (requestId: string) => requestId === serves };
  return { replica, ready: true, plan: undefined, opened: { pipeline, scheduler, blockSize: 16 } };
}

async function* nothing(): AsyncGenerator<TokenEvent> {}

function request(requestId: string): SequenceRequest {
  return { requestId, promptIds: Uint32Array.of(1), sampling: {}, maxTokens: 1, stopTokenIds: new Set() };
}
