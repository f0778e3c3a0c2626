import { expect, test } from "vitest";
import { compileConfig } from "../../common/config.js";
import type { ChosenDevice } from "../../stage-worker/choose-device.js";
import { settleDevice } from "./settle-device.js";
import { upSettings } from "./up-settings.js";

async function settled(flags: Record<string, string>, chosen: ChosenDevice) {
  const options = { flags: { home: "/nowhere", ...flags }, environment: {}, folder: "/nowhere" };
  const said: string[] = [];
  const values = compileConfig(upSettings, options);
  const { device, variant } = await settleDevice(
    values,
    (line) => said.push(line),
    async () => chosen,
  );
  return { device, variant, said };
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
