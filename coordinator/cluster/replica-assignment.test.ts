import { expect, test } from "vitest";
import { ReplicaAssignment } from "./replica-assignment.js";

function assigned(needed = 2): ReplicaAssignment {
  const assignment = new ReplicaAssignment(2, needed);
  assignment.adopt([
    ["a", "b"],
    ["c", "d"],
  ]);
  return assignment;
}

test("a worker that comes back has the replica it had", () => {
  expect(assigned().place("c", ["a", "b", "d"])).toBe(1);
  // Also where both lack one.
  expect(assigned().place("c", ["a", "d"])).toBe(1);
});

test("a stranger goes where a worker is missing, else where the fewest are", () => {
  expect(assigned().place("x", ["a", "b", "d"])).toBe(1);
  expect(assigned().place("x", ["a", "b", "c", "d"])).toBe(0);
  const both = assigned();
  expect([both.place("x", ["a", "b", "c", "d"]), both.place("y", ["a", "b", "c", "d", "x"])]).toEqual([0, 1]);
});

test("who finds its place taken goes where one is missing", () => {
  const assignment = assigned();
  assignment.place("x", ["a", "b", "d"]);
  expect(assignment.place("c", ["a", "d", "x"])).toBe(0);
  expect(assignment.replicaOf("c")).toBe(0);
});

test("idle workers are lent to a replica that lacks some, never by one that needs them", () => {
  const assignment = assigned(1);
  const present = ["a", "b"];
  expect(assignment.lendIdle(present, (workerId) => workerId === "b")).toEqual([1]);
  expect([assignment.replicaOf("a"), assignment.replicaOf("b")]).toEqual([0, 1]);
  expect(assignment.lendIdle(present, () => true)).toEqual([]);
  expect(assigned(2).lendIdle(present, () => true)).toEqual([]);
});
