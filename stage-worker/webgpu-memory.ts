import type { Memory } from "../common/free-memory.js";
import type { NvidiaGpu } from "./cuda/nvidia-gpus.js";
import type { DrmCard } from "./drm-cards.js";

/** What is known of a machine whose GPU WebGPU computes on. */
export interface WebGpuMemoryFacts {
  /** As Node names it. */
  readonly platform: string;
  readonly arch: string;
  /** The machine's. */
  readonly memory: Memory;
  readonly nvidia: { readonly gpus: readonly NvidiaGpu[] };
  readonly cards: readonly DrmCard[];
  /** The GPU's name, as its driver tells Vulkan, where it is known. */
  readonly adapter?: string;
}

const gibibyte = 1024 ** 3;
/** Where nothing tells how much there is. */
const guessBytes = 4 * gibibyte;
/** Of the machine's memory, what a GPU without its own may take: Metal recommends two thirds, other drivers allow half. */
const sharedShare = { metal: 2 / 3, other: 1 / 2 };
/** A GPU that is part of the processor sets less than this apart for itself. */
const integratedBelowBytes = 2 * gibibyte;
const intel = "0x8086";
/** What names of their GPUs say, and makers' numbers; NVIDIA's driver has a way of its own to tell. */
const makers = [
  { words: /nvidia/i, vendor: "nvidia" },
  { words: /\b(amd|radeon|radv)\b/i, vendor: "0x1002" },
  { words: /\bintel\b/i, vendor: intel },
  { words: /llvmpipe|swiftshader/i, vendor: "nobody" },
];

/**
 * Memory of the GPU that WebGPU computes on, which WebGPU itself does not tell: what the operating system knows of the
 * GPUs that there are. Where it could be one of several with memory of their own, it is the smallest.
 */
export function webgpuMemory(all: WebGpuMemoryFacts): Memory {
  const facts = ofAdapter(all);
  const { memory, platform, arch, cards, nvidia } = facts;
  if (platform === "darwin" && arch === "arm64") return shareOf(memory, sharedShare.metal);
  const own = [...nvidia.gpus, ...cards.flatMap(ownMemory)].toSorted((a, b) => a.freeBytes - b.freeBytes)[0];
  if (own !== undefined) return { totalBytes: own.totalBytes, freeBytes: own.freeBytes };
  const integrated = cards.find(isIntegrated);
  if (integrated !== undefined) return sharedMemory(memory, integrated);
  return { totalBytes: memory.totalBytes, freeBytes: Math.min(memory.freeBytes, guessBytes) };
}

/** Without the GPUs that cannot be the one of this name. */
function ofAdapter(facts: WebGpuMemoryFacts): WebGpuMemoryFacts {
  const { adapter, cards, nvidia } = facts;
  const vendor = makers.find(({ words }) => adapter !== undefined && words.test(adapter))?.vendor;
  if (vendor === undefined) return facts;
  const named = nvidia.gpus.filter(({ name }) => name === adapter);
  const gpus = vendor !== "nvidia" ? [] : named.length > 0 ? named : nvidia.gpus;
  return { ...facts, nvidia: { gpus }, cards: cards.filter((card) => card.vendor === vendor) };
}

function ownMemory(card: DrmCard): Memory[] {
  const { videoBytes } = card;
  if (videoBytes === undefined || isIntegrated(card)) return [];
  return [{ totalBytes: videoBytes.total, freeBytes: Math.max(0, videoBytes.total - videoBytes.used) }];
}

function isIntegrated({ vendor, onRootBus, videoBytes }: DrmCard): boolean {
  return (
    (vendor === intel && onRootBus) || (videoBytes !== undefined && videoBytes.total < integratedBelowBytes)
  );
}

function sharedMemory(memory: Memory, { sharedBytes }: DrmCard): Memory {
  if (sharedBytes === undefined) return shareOf(memory, sharedShare.other);
  const { total, used } = sharedBytes;
  return { totalBytes: total, freeBytes: Math.min(memory.freeBytes, Math.max(0, total - used)) };
}

/** A share of all memory, of which no more is free than the machine has. */
function shareOf({ totalBytes, freeBytes }: Memory, share: number): Memory {
  const mostBytes = Math.floor(totalBytes * share);
  return { totalBytes: mostBytes, freeBytes: Math.min(freeBytes, mostBytes) };
}
