import { formatBytes } from "../../../model/store/format-bytes.js";
import type { GpuMemory } from "../../cuda/gpu-memory.js";
import { deviceFailureOf } from "../device-failure.js";
import type { RunnerOptions } from "../stage-runner.js";
import { doesNotFit, type Misfit, stageNeeds } from "./stage-needs.js";

/** How a stage is opened on a device, and tried out there. */
export interface Openable<Opened> {
  /** For errors. */
  readonly device: string;
  /** Absent where the device tells nobody. */
  readonly memory?: (() => Promise<GpuMemory>) | undefined;
  open(blockCount: number): Promise<Opened>;
  /** Computes the largest micro-batches that may come. */
  tryOut(opened: Opened, blockCount: number): Promise<void>;
  close(opened: Opened): Promise<void>;
}

/** A stage that is open, with as many blocks as its device has room for. */
export interface InRoom<Opened> {
  readonly opened: Opened;
  readonly blockCount: number;
  /** For people: what takes how much. */
  readonly memoryUse: string;
}

/** Blocks to measure with: what they hold is of no matter. */
const probeBlocks = 2;
/** Left free on a GPU beside what was measured, for the allocator to grow in. */
const marginBytes = 256 * 1_048_576;
/** What an opening that failed is tried with less than it asked for. */
const shrink = { measured: 0.9, guessed: 0.5 };

/**
 * Opens a stage with as many KV blocks as fit, never more than all sequences at their longest. As vLLM does, what
 * computing takes is measured, not guessed: the stage is opened with few blocks and computes the largest micro-batches,
 * and blocks get what is left then. Where most blocks are few, the stage is opened with them at once. Where the device
 * does not tell its memory, or somebody else takes some meanwhile, what fails is tried with less.
 * @throws StagecoachError RESOURCE_EXHAUSTED with all figures when not one block fits, and what opening throws
 */
export async function openInRoom<Opened>(
  options: RunnerOptions,
  how: Openable<Opened>,
): Promise<InRoom<Opened>> {
  const given = options.blockCount > 0;
  const before = given ? undefined : await how.memory?.();
  const { weightBytes, blockBytes } = stageNeeds(options);
  const refuse = async (found: Omit<Misfit, "device"> = {}) => {
    const memory = before ?? (await how.memory?.());
    return doesNotFit(options, { device: how.device, ...(memory && { memory }), ...found });
  };
  const guessed = guessedBlocks(options, weightBytes, before);
  if (guessed < 1) throw await refuse();
  if (given) return await openGiven(options, how, refuse);
  if (before === undefined || how.memory === undefined) {
    return await openShrinking(options, how, guessed, (failed) => failed * shrink.guessed, refuse);
  }

  const few =
    guessed * blockBytes <= (Math.min(options.memoryLimitBytes, before.freeBytes) - weightBytes) / 2;
  const first = await openFirst(how, few ? guessed : Math.min(probeBlocks, guessed), refuse);
  const after = await how.memory();
  const fixedBytes = Math.max(0, heldBytes(before, after) - first.blockCount * blockBytes);
  const workspaceBytes = Math.max(0, fixedBytes - weightBytes);
  const fitting = (memory: GpuMemory, reusedBytes: number): number =>
    blocksIn(
      options,
      Math.min(options.memoryLimitBytes - fixedBytes, memory.freeBytes + reusedBytes - marginBytes),
    );
  const wanted = fitting(after, first.blockCount * blockBytes);
  if (wanted === first.blockCount) return inRoom(options, first, workspaceBytes);
  await how.close(first.opened);
  if (wanted < 1) throw await refuse({ workspaceBytes, memory: await how.memory() });
  const less = (failed: number, memory: GpuMemory | undefined): number =>
    Math.min(failed * shrink.measured, memory === undefined ? failed : fitting(memory, -fixedBytes));
  return await openShrinking(options, how, wanted, less, refuse, workspaceBytes);
}

/** As many as were asked for: by whoever measures, who needs no more than that. */
async function openGiven<Opened>(
  options: RunnerOptions,
  how: Openable<Opened>,
  refuse: (found: Omit<Misfit, "device">) => Promise<Error>,
): Promise<InRoom<Opened>> {
  const { blockCount } = options;
  try {
    return inRoom(options, { opened: await how.open(blockCount), blockCount });
  } catch (cause) {
    throw deviceFailureOf(cause) === "memory" ? await refuse({ cause }) : cause;
  }
}

/** With so many blocks, or, where they do not fit after all, with few. */
async function openFirst<Opened>(
  how: Openable<Opened>,
  blockCount: number,
  refuse: (found: Omit<Misfit, "device">) => Promise<Error>,
): Promise<{ opened: Opened; blockCount: number }> {
  try {
    return { opened: await openTried(how, blockCount), blockCount };
  } catch (cause) {
    if (deviceFailureOf(cause) !== "memory") throw cause;
    if (blockCount > probeBlocks) return await openFirst(how, probeBlocks, refuse);
    throw await refuse({ cause, ...(how.memory && { memory: await how.memory() }) });
  }
}

async function openShrinking<Opened>(
  options: RunnerOptions,
  how: Openable<Opened>,
  wanted: number,
  less: (failed: number, memory: GpuMemory | undefined) => number,
  refuse: (found: Omit<Misfit, "device">) => Promise<Error>,
  workspaceBytes?: number,
): Promise<InRoom<Opened>> {
  let blockCount = wanted;
  for (;;) {
    try {
      return inRoom(options, { opened: await openTried(how, blockCount), blockCount }, workspaceBytes);
    } catch (cause) {
      if (deviceFailureOf(cause) !== "memory") throw cause;
      const memory = await how.memory?.();
      blockCount = Math.floor(less(blockCount, memory));
      if (blockCount < 1) {
        throw await refuse({
          cause,
          ...(memory && { memory }),
          ...(workspaceBytes !== undefined && { workspaceBytes }),
        });
      }
    }
  }
}

async function openTried<Opened>(how: Openable<Opened>, blockCount: number): Promise<Opened> {
  const opened = await how.open(blockCount);
  try {
    await how.tryOut(opened, blockCount);
    return opened;
  } catch (reason) {
    await how.close(opened);
    throw reason;
  }
}

/** As if computing took nothing: more than this cannot fit. */
function guessedBlocks(options: RunnerOptions, weightBytes: number, memory: GpuMemory | undefined): number {
  const { blockCount, memoryLimitBytes } = options;
  const fitting = blocksIn(options, Math.min(memoryLimitBytes, memory?.freeBytes ?? Infinity) - weightBytes);
  return blockCount > 0 && fitting < blockCount ? 0 : fitting;
}

/** Blocks in so much memory, at most as many as are of use, within what KV may take. */
function blocksIn(options: RunnerOptions, bytes: number): number {
  const { blockBytes, mostBlocks } = stageNeeds(options);
  if (bytes < 0) return 0;
  const most = Math.max(mostBlocks, options.blockCount);
  if (blockBytes === 0) return most;
  return Math.min(most, Math.floor(Math.min(bytes, options.kvMemoryBytes ?? Infinity) / blockBytes));
}

/** What this process took between two looks; where its own is not told, all that was taken is held to be its. */
function heldBytes(before: GpuMemory, after: GpuMemory): number {
  return after.ownBytes === undefined
    ? before.freeBytes - after.freeBytes
    : after.ownBytes - (before.ownBytes ?? 0);
}

function inRoom<Opened>(
  options: RunnerOptions,
  { opened, blockCount }: { opened: Opened; blockCount: number },
  workspaceBytes?: number,
): InRoom<Opened> {
  const { weightBytes, blockBytes, sequenceBlocks } = stageNeeds(options);
  const uses = [
    `${formatBytes(weightBytes)} of weights`,
    ...(workspaceBytes === undefined ? [] : [`${formatBytes(workspaceBytes)} to compute in`]),
    `${formatBytes(blockCount * blockBytes)} of KV in ${blockCount} blocks`,
    ...(blockCount < sequenceBlocks
      ? [
          `room for ${blockCount * options.blockSize} of the ${options.maxContext} tokens that a sequence may have`,
        ]
      : []),
  ];
  return { opened, blockCount, memoryUse: uses.join(", ") };
}
