import { expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import type { Plan } from "../planner/types.js";
import { joinStates, type SessionState } from "./session-state.js";

const plan = { stages: [{}, {}] } as unknown as Plan;
const serving: SessionState = { kind: "serving", plan };
const waiting: SessionState = { kind: "waiting", present: 0, needed: 1 };
const failed: SessionState = { kind: "failed", error: new StagecoachError("INTERNAL", "no memory") };

test("one pipeline's state is the cluster's", () => {
  expect(joinStates([serving])).toEqual({
    kind: "serving",
    name: "SERVING",
    detail: "serving with 2 stages",
  });
  expect(joinStates([failed])).toEqual({ kind: "failed", name: "FAILED", detail: "no memory" });
});

test("of several the one that is furthest counts, and what keeps the others is told", () => {
  expect(joinStates([serving, serving]).detail).toBe("serving with 2 replicas");
  expect(joinStates([waiting, serving])).toEqual({
    kind: "serving",
    name: "SERVING",
    detail: "serving with 1 of 2 replicas; replica 0: waiting for workers: 0 of 1 joined",
  });
  expect(joinStates([waiting, failed])).toEqual({
    kind: "failed",
    name: "FAILED",
    detail: "replica 0: waiting for workers: 0 of 1 joined; replica 1: no memory",
  });
  expect(joinStates([{ kind: "stopping" }, { kind: "stopping" }]).detail).toBe("stopping");
});
