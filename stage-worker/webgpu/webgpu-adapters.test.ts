import { expect, test } from "vitest";
import { type AdapterLooks, tryWebgpu, type VulkanEnvironment, webgpuAdapters } from "./webgpu-adapters.js";

/** A card of a driver's, and why it does not compute. */
interface Card {
  readonly name: string;
  readonly model?: string;
  readonly problem?: string;
}

/** A machine with drivers by manifest, on which Dawn takes the first card that the loader shows. */
function machine(drivers: Readonly<Record<string, readonly Card[]>>, cards: AdapterLooks["cards"] = []) {
  const attempts: VulkanEnvironment[] = [];
  const attempt: AdapterLooks["attempt"] = async (environment) => {
    attempts.push(environment);
    const shown = Object.entries(drivers).filter(
      ([manifest]) => (environment["VK_DRIVER_FILES"] ?? manifest) === manifest,
    );
    const listed = shown.flatMap(([, own]) => own);
    const preferred = listed.find(({ model }) => model === environment["VK_LOADER_DEVICE_SELECT"]);
    const taken = preferred ?? listed[0];
    const problem = taken === undefined ? "No supported adapters" : taken.problem;
    return {
      ...(problem !== undefined && { problem }),
      said: [
        ...shown.map(([manifest]) => `DRIVER: Found ICD manifest file ${manifest}, version "1.0.0"`),
        "Original order:",
        ...listed.map(({ name }, index) => `INFO:    [${index}] ${name}`),
        "Sorted order:",
        ...(taken && problem === undefined ? [`Using "${taken.name}" with driver: "lib.so"`] : []),
      ].join("\n"),
    };
  };
  return { attempt, cards, attempts };
}

const alone = (manifest: string) => ({ VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest });

test("a GPU that is the only one is tried once, and needs nothing", async () => {
  const one = machine({ "/a.json": [], "/b.json": [{ name: "Arc" }] });
  expect(await webgpuAdapters(one)).toEqual({ adapters: [{ name: "Arc", environment: {} }] });
  expect(one.attempts).toEqual([{}]);
  expect(await tryWebgpu(one)).toEqual({ adapter: "Arc" });
});

test("where nothing is said of GPUs, none can be chosen", async () => {
  expect(await webgpuAdapters(machine({ "/a.json": [] }))).toEqual({
    adapters: [],
    problem: "No supported adapters",
  });
  expect(await tryWebgpu(machine({}))).toEqual({ problem: "No supported adapters" });
});

test("of GPUs of several drivers each is taken by showing its driver alone, first what is taken anyway", async () => {
  const two = machine({ "/none.json": [], "/b.json": [{ name: "RTX" }], "/a.json": [{ name: "Arc" }] });
  expect((await webgpuAdapters(two)).adapters).toEqual([
    { name: "RTX", environment: alone("/b.json") },
    { name: "Arc", environment: alone("/a.json") },
  ]);
  const reversed = machine({
    "/b.json": [{ name: "Old", problem: "no float16" }],
    "/a.json": [{ name: "Arc" }],
  });
  expect((await webgpuAdapters(reversed)).adapters).toEqual([
    { name: "Old", environment: alone("/b.json"), problem: "no float16" },
    { name: "Arc", environment: alone("/a.json") },
  ]);
});

test("of one driver's cards each model is tried for, and what was taken counts", async () => {
  const cards = [
    { vendor: "0x1002", id: "0x744c" },
    { vendor: "0x8086", id: "0x9a49" },
    { vendor: "0x1002", id: "0x73bf" },
    { vendor: "0x1002", id: "0x73bf" },
    { vendor: "", id: "" },
  ];
  const radv = [
    { name: "RX 7900", model: "0x1002:0x744c" },
    { name: "RX 6800", model: "0x1002:0x73bf" },
    { name: "RX 6800", model: "0x1002:0x73bf" },
  ];
  const { adapters: found } = await webgpuAdapters(machine({ "/radv.json": radv }, cards));
  const select = { VK_LOADER_DEVICE_SELECT: "0x1002:0x73bf", MESA_VK_DEVICE_SELECT: "0x1002:0x73bf!" };
  expect(found).toEqual([
    { name: "RX 7900", environment: alone("/radv.json") },
    { name: "RX 6800", environment: { ...alone("/radv.json"), ...select } },
  ]);
});
