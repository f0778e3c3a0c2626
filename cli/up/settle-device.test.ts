import { expect, test } from "vitest";
import { compileConfig } from "../../common/config.js";
import type { ChosenDevice } from "../../stage-worker/choose-device.js";
import { settleDevice } from "./settle-device.js";
import { upSettings } from "./up-settings.js";

async function settled(flags: Record<string, string>, ...chosen: readonly [ChosenDevice, ...ChosenDevice[]]) {
  const options = { flags: { home: "/nowhere", ...flags }, environment: {}, folder: "/nowhere" };
  const said: string[] = [];
  const values = compileConfig(upSettings, options);
  const { device, variant, stages } = await settleDevice(
    values,
    (line) => said.push(line),
    async () => chosen,
  );
  return { device, variant, said, ...(stages !== undefined && { stages }) };
}

test("what auto takes is told, and every worker is told it", async () => {
  expect(await settled({}, { device: "cpu", reason: "why" })).toEqual({
    device: "cpu",
    variant: "auto",
    said: ["why"],
  });
});

test("a GPU gets weights that it can multiply, unless others are asked for", async () => {
  const gpu: ChosenDevice = { device: "cuda", deviceIndex: 1 };
  expect(await settled({}, gpu)).toMatchObject({ device: "cuda:1", variant: "f16" });
  expect(await settled({ variant: "f32" }, gpu)).toEqual({ device: "cuda:1", variant: "f32", said: [] });
  expect(await settled({}, { device: "webgpu" })).toMatchObject({ device: "webgpu", variant: "f16" });
});

const gpus = [
  { device: "cuda", deviceIndex: 0 },
  { device: "cuda", deviceIndex: 1 },
] as const;

test("a list says how many stages there are", async () => {
  expect(await settled({ device: "cuda:0,cuda:1" }, ...gpus)).toMatchObject({
    device: "cuda:0,cuda:1",
    variant: "f16",
    stages: 2,
  });
  expect(await settled({ device: "cuda:all" }, ...gpus)).toMatchObject({ stages: 2 });
  expect(await settled({ device: "cuda:all" }, gpus[0])).toMatchObject({ device: "cuda:0", stages: 1 });
  expect(await settled({ device: "cuda:0,cuda:1", replicas: "2" }, ...gpus)).toMatchObject({ stages: 1 });
  expect(await settled({ device: "cuda:0,cuda:1", stages: "2" }, ...gpus)).toMatchObject({ stages: 2 });
});

test.each([
  [{ stages: "3" }, "--device cuda:0,cuda:1 names 2 devices, and --stages 3 with --replicas 1 want 3"],
  [{ replicas: "3" }, "--device cuda:0,cuda:1 names 2 devices, and --replicas 3 share them unevenly"],
])("a list that is not one device a stage is refused: %j", async (flags, message) => {
  await expect(settled({ device: "cuda:0,cuda:1", ...flags }, ...gpus)).rejects.toThrow(message);
});
