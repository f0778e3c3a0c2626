import { expect, test } from "vitest";
import { type DrmFiles, drmCards } from "./drm-cards.js";
import { type WebGpuMemoryFacts, webgpuMemory } from "./webgpu-memory.js";

const gibibyte = 2 ** 30;

function facts(change: Partial<WebGpuMemoryFacts> = {}): WebGpuMemoryFacts {
  return {
    platform: "linux",
    arch: "x64",
    memory: { totalBytes: 64 * gibibyte, freeBytes: 40 * gibibyte },
    nvidia: { gpus: [] },
    cards: [],
    ...change,
  };
}

/** Files of `/sys/class/drm` and where cards' devices are. */
function filesOf(cards: Readonly<Record<string, { at: string; files: Record<string, string> }>>): DrmFiles {
  return {
    list: (folder) =>
      folder === "/sys/class/drm" ? [...Object.keys(cards), "card0-HDMI-A-1", "version"] : [],
    read: (path) => {
      const [, name = "", file = ""] = /^\/sys\/class\/drm\/(\w+)\/device\/(\w+)$/.exec(path) ?? [];
      return cards[name]?.files[file];
    },
    resolve: (path) => cards[/drm\/(\w+)\/device$/.exec(path)?.[1] ?? ""]?.at,
  };
}

const radeon = {
  at: "/sys/devices/pci0000:00/0000:00:03.1/0000:0b:00.0",
  files: {
    vendor: "0x1002\n",
    device: "0x744c\n",
    mem_info_vram_total: `${24 * gibibyte}\n`,
    mem_info_vram_used: `${gibibyte}\n`,
    mem_info_gtt_total: `${31 * gibibyte}\n`,
    mem_info_gtt_used: "0\n",
  },
};
const apu = {
  at: "/sys/devices/pci0000:00/0000:00:08.1/0000:c4:00.0",
  files: {
    ...radeon.files,
    device: "0x15bf\n",
    mem_info_vram_total: `${gibibyte / 2}\n`,
    mem_info_vram_used: "0\n",
  },
};
const intelIntegrated = {
  at: "/sys/devices/pci0000:00/0000:00:02.0",
  files: { vendor: "0x8086\n", device: "0x9a49\n" },
};
const intelCard = {
  at: "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0",
  files: { vendor: "0x8086\n", device: "0x56a0\n" },
};

test("AMD's driver tells a card's memory and what of it is used", () => {
  const cards = drmCards(filesOf({ card0: radeon }));
  expect(cards).toEqual([
    {
      vendor: "0x1002",
      id: "0x744c",
      onRootBus: false,
      videoBytes: { total: 24 * gibibyte, used: gibibyte },
      sharedBytes: { total: 31 * gibibyte, used: 0 },
    },
  ]);
  expect(webgpuMemory(facts({ cards }))).toEqual({ totalBytes: 24 * gibibyte, freeBytes: 23 * gibibyte });
});

test("NVIDIA's tells its own; of several GPUs the one with least counts", () => {
  const gpu = { index: 0, name: "RTX", driver: "580", totalBytes: 12 * gibibyte, freeBytes: 11 * gibibyte };
  const nvidia = { gpus: [gpu] };
  expect(webgpuMemory(facts({ nvidia }))).toEqual({ totalBytes: 12 * gibibyte, freeBytes: 11 * gibibyte });
  const cards = drmCards(filesOf({ card0: radeon, card1: intelIntegrated }));
  expect(webgpuMemory(facts({ nvidia, cards })).freeBytes).toBe(11 * gibibyte);
});

test("a GPU whose name is known has the memory of its maker's", () => {
  const gpu = {
    index: 0,
    name: "NVIDIA RTX 1",
    driver: "580",
    totalBytes: 12 * gibibyte,
    freeBytes: gibibyte,
  };
  const nvidia = { gpus: [gpu, { ...gpu, index: 1, name: "NVIDIA RTX 2", freeBytes: 9 * gibibyte }] };
  const cards = drmCards(filesOf({ card0: radeon, card1: intelIntegrated }));
  const free = (adapter: string) => webgpuMemory(facts({ nvidia, cards, adapter })).freeBytes / gibibyte;
  expect(free("AMD Radeon RX 7900 XTX (RADV NAVI31)")).toBe(23);
  expect(free("NVIDIA RTX 2")).toBe(9);
  expect(free("NVIDIA of another name")).toBe(1);
  expect(free("Intel(R) Iris(R) Xe Graphics (TGL GT2)")).toBe(32);
  expect(free("llvmpipe (LLVM 19.1.7, 256 bits)")).toBe(4);
  expect(free("Adreno (TM) 740")).toBe(1);
});

test("GPUs within the processor take a share of the machine's memory", () => {
  const memoryOf = (card: typeof apu | typeof intelIntegrated) =>
    webgpuMemory(facts({ cards: drmCards(filesOf({ card1: card })) }));
  expect(memoryOf(apu)).toEqual({ totalBytes: 31 * gibibyte, freeBytes: 31 * gibibyte });
  expect(memoryOf(intelIntegrated)).toEqual({ totalBytes: 32 * gibibyte, freeBytes: 32 * gibibyte });
  const mac = facts({
    platform: "darwin",
    arch: "arm64",
    memory: { totalBytes: 24 * gibibyte, freeBytes: 4 * gibibyte },
  });
  expect(webgpuMemory(mac)).toEqual({ totalBytes: 16 * gibibyte, freeBytes: 4 * gibibyte });
});

test("where nobody knows, it is a guess", () => {
  expect(webgpuMemory(facts()).freeBytes).toBe(4 * gibibyte);
  expect(webgpuMemory(facts({ cards: drmCards(filesOf({ card0: intelCard })) })).freeBytes).toBe(
    4 * gibibyte,
  );
  expect(webgpuMemory(facts({ memory: { totalBytes: 4 * gibibyte, freeBytes: gibibyte } })).freeBytes).toBe(
    gibibyte,
  );
});
