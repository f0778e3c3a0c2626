import { expect, test } from "vitest";
import { deviceIdentity, type IdentityLooks } from "./device-identity.js";

const gpu = (index: number) => ({
  index,
  name: "NVIDIA H200",
  driver: "580.65",
  totalBytes: 9,
  freeBytes: index,
});

function looks(change: Partial<IdentityLooks> = {}): IdentityLooks {
  return {
    host: "rack1",
    gpus: async () => ({ gpus: [gpu(0), gpu(1)] }),
    uuid: async (gpu) => `GPU-${gpu}`,
    visible: undefined,
    webgpuDrivers: async () => ({ kernel: "6.1" }),
    ...change,
  };
}

test("a CUDA device is who its driver says, with the driver; how full it is does not matter", async () => {
  expect(await deviceIdentity({ device: "cuda", deviceIndex: 1 }, looks())).toEqual({
    id: "GPU-1",
    facts: { id: "GPU-1", index: 1, name: "NVIDIA H200", driver: "580.65" },
  });
  const silent = looks({ uuid: async () => undefined });
  expect((await deviceIdentity({ device: "cuda" }, silent)).id).toBe("rack1 cuda:0");
});

test("which GPU it is goes by those that CUDA counts", async () => {
  const id = async (visible: string) => (await deviceIdentity({ device: "cuda" }, looks({ visible }))).id;
  expect([await id("1"), await id("0,1"), await id("")]).toEqual(["GPU-1", "GPU-0", "GPU-0"]);
});

test("WebGPU workers of a machine share one, those on processors none", async () => {
  const { id, facts } = await deviceIdentity({ device: "webgpu" }, looks());
  expect(id).toBe("rack1 webgpu");
  expect(facts).toMatchObject({ kernel: "6.1", gpus: [{ driver: "580.65" }, {}] });
  const named = await deviceIdentity({ device: "webgpu", deviceIndex: 1, adapter: "Radeon" }, looks());
  expect(named).toMatchObject({ id: "rack1 webgpu Radeon", facts: { adapter: "Radeon" } });
  expect(await deviceIdentity({ device: "cpu" }, looks())).toEqual({ id: "", facts: {} });
});
