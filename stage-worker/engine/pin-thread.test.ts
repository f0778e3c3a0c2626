import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { pinThread } from "./pin-thread.js";

const allowed = (): string => {
  const status = readFileSync("/proc/thread-self/status", "utf8");
  return /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1] ?? "";
};

test.runIf(process.platform === "linux")("keeps the calling thread where it is told", () => {
  const before = allowed();
  onTestFinished(() => pinThread(before));
  const last = before.split(/[-,]/).at(-1) ?? "";
  pinThread(last);
  expect(allowed()).toBe(last);
});

test("says which processors it cannot have", () => {
  const attempt = () => pinThread("4095");
  expect(attempt).toThrow(StagecoachError);
  expect(attempt).toThrow(/cannot be kept on processors 4095: .*leave --cpus out/);
});
