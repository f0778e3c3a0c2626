import { beforeEach, expect, test } from "vitest";
import { version } from "../../common/package-root.js";
import type { Hello__Output } from "../../proto/gen/stagecoach/v1/Hello.js";
import { type Member, WorkerRegistry } from "./worker-registry.js";

let nowMs = 0;
let registry: WorkerRegistry;
let left: string[];

beforeEach(() => {
  nowMs = 0;
  left = [];
  registry = new WorkerRegistry({ heartbeatIntervalMs: 100, now: () => nowMs });
  registry.on("left", (member, reason) =>
    left.push(`${member.hello.workerId}/${member.hello.incarnation}: ${reason}`),
  );
});

test("a worker of another version is refused by both versions' names", () => {
  expect(() => registry.join(hello("w0", "a", { version: "9.9.9" }), () => {})).toThrow(
    /w0.*9\.9\.9.*install the same version/,
  );
  expect(registry.members()).toEqual([]);
});

test("a living worker's id cannot be taken, a silent one's can", () => {
  registry.join(hello("w0", "a"), () => {});
  expect(() => registry.join(hello("w0", "b"), () => {})).toThrow(/already in the cluster.*--worker-id/);
  nowMs = 301;
  const replacement = registry.join(hello("w0", "b"), () => {});
  expect(registry.members()).toEqual([replacement]);
  expect(left).toEqual(["w0/a: joined again"]);
});

test("silence beyond three intervals is a death, a heartbeat prevents it", () => {
  const quiet = registry.join(hello("w0", "a"), () => {});
  const lively = registry.join(hello("w1", "b"), () => {});
  nowMs = 250;
  registry.heartbeat(lively, { stage: null, freeMemoryBytes: 5, residentBytes: 6, eventLoop: null });
  registry.expire();
  nowMs = 350;
  registry.expire();
  expect(left).toEqual(["w0/a: no heartbeat for 350 ms"]);
  expect(registry.members()).toEqual([lively]);
  expect(lively.freeMemoryBytes).toBe(5);
  registry.leave(quiet, "again");
  expect(left).toHaveLength(1);
});

test("nobody is taken out while their heartbeats may lie unread", () => {
  const members = ["w0", "w1"].map((id) => registry.join(hello(id, id), () => {}));
  nowMs = 5_000;
  registry.expire();
  expect(registry.members()).toEqual(members);
  registry.heartbeat(members[1] as Member, {
    stage: null,
    freeMemoryBytes: 1,
    residentBytes: 1,
    eventLoop: null,
  });
  nowMs = 5_100;
  registry.expire();
  expect(left).toEqual(["w0/w0: no heartbeat for 5100 ms"]);
});

test("whoever was taken out or replaced is told so at its next heartbeat", () => {
  const ghost = registry.join(hello("w0", "a"), () => {});
  const present = registry.join(hello("w0", "a"), () => {});
  const heartbeat = { stage: null, freeMemoryBytes: 1, residentBytes: 1, eventLoop: null };
  nowMs = 200;
  expect(() => registry.heartbeat(ghost, heartbeat)).toThrow(/"w0" was taken out.*join again/);
  expect(registry.get("w0")?.lastHeartbeatAtMs).toBe(0);
  registry.leave(present, "silent");
  expect(() => registry.heartbeat(present, heartbeat)).toThrow(/join again/);
});

test("members come in the natural order of their ids", () => {
  for (const id of ["w10", "w2", "w1"]) registry.join(hello(id, id), () => {});
  expect(registry.members().map((member) => member.hello.workerId)).toEqual(["w1", "w2", "w10"]);
});

function hello(workerId: string, incarnation: string, other: Partial<Hello__Output> = {}): Hello__Output {
  return {
    workerId,
    incarnation,
    version,
    address: "127.0.0.1:1",
    device: "cpu",
    threads: 1,
    totalMemoryBytes: 10,
    freeMemoryBytes: 10,
    processId: 1,
    deviceId: "",
    ...other,
  };
}
