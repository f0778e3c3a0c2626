import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { driverSays, fakeNvidiaSmi } from "../../test/fixtures/fake-nvidia-smi.js";
import { askDriver } from "./ask-driver.js";

test("the answer is what the tool prints", async () => {
  driverSays("0, 81559");
  expect(await askDriver(["--query-gpu=index,memory.total"])).toBe("0, 81559\n");
});

test("the thread that asks goes on meanwhile", async () => {
  const folder = fakeNvidiaSmi('until [ -e "$(dirname "$0")/go" ]; do sleep 0.02; done; echo gone on');
  const answer = askDriver([]);
  writeFileSync(join(folder, "go"), "");
  expect(await answer).toBe("gone on\n");
});

test("a driver that fails is quoted", async () => {
  fakeNvidiaSmi("echo heading; echo Unable to determine the device handle; exit 9");
  await expect(askDriver([])).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: "nvidia-smi fails: Unable to determine the device handle",
  });
});

test("a driver that does not answer is not waited for, even where its tool cannot be ended", async () => {
  fakeNvidiaSmi("trap '' TERM; exec sleep 3");
  await expect(askDriver([], 50)).rejects.toMatchObject({
    code: "DEADLINE_EXCEEDED",
    message: expect.stringContaining("no answer within 0.05 s"),
  });
});
