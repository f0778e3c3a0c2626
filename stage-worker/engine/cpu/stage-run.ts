import type { RaggedBatch } from "../stage-runner.js";
import { groupChunks } from "./group-chunks.js";
import type { KvArena } from "./kv-arena.js";
import type { KvRows } from "./kv-rows.js";

/** Slices of a batch that the graph computes in one go: steps, chunks, or (KV of integers) both. */
export interface StageRun {
  /** One token each. */
  readonly steps: RunGroup | undefined;
  /** With KV of floats one. */
  readonly chunks: RunGroup | undefined;
  /** All of them, steps first. */
  readonly slices: readonly RunSlice[];
}

/** Slices whose past is in the first rows of an arena, in this order. */
export interface RunGroup {
  readonly arena: KvArena;
  readonly slices: readonly RunSlice[];
}

/** A slice and where its tokens are in the packed batch. */
export interface RunSlice {
  readonly sequenceId: number;
  readonly context: number;
  readonly length: number;
  readonly sample: boolean;
  readonly firstToken: number;
}

/**
 * Cuts a batch into runs. Slices of one token are steps that go together, by length where lengths differ much. With
 * KV of floats each longer slice is a run of its own; with KV of integers, those that are alike go together and
 * beside steps: products then read the weights once for all of them. `expectedTokens` says how long a sequence's
 * prompt is.
 */
export function planRuns(
  batch: RaggedBatch,
  kv: KvRows,
  expectedTokens: (sequenceId: number) => number,
): StageRun[] {
  const slices = slicesOf(batch);
  const steps = stepGroups(
    batch.lane,
    slices.filter(({ length }) => length === 1),
    kv,
  );
  const longer = slices.filter(({ length }) => length > 1);
  const chunks = (kv.shape.form === "int8" ? groupChunks(longer) : longer.map((slice) => [slice])).map(
    (group, index) => chunkGroup(batch.lane, index, group, kv, expectedTokens),
  );
  if (kv.shape.form === "f32") {
    return [
      ...steps.map((group) => runOf(group, undefined)),
      ...chunks.map((group) => runOf(undefined, group)),
    ];
  }
  return Array.from({ length: Math.max(steps.length, chunks.length) }, (_, index) =>
    runOf(steps[index], chunks[index]),
  );
}

/** Tokens of a run. */
export function runTokens({ slices }: Pick<StageRun, "slices">): number {
  return slices.reduce((sum, { length }) => sum + length, 0);
}

/** Tokens of the longest slice. */
export function longestSlice(slices: readonly RunSlice[]): number {
  return slices.reduce((most, { length }) => Math.max(most, length), 0);
}

function stepGroups(lane: number, slices: readonly RunSlice[], kv: KvRows): RunGroup[] {
  const groups = kv.decodeGroups(
    lane,
    slices.map(({ sequenceId, context }) => ({ id: sequenceId, length: context })),
  );
  return groups.map(({ arena, sequenceIds }) => ({ arena, slices: inOrder(slices, sequenceIds) }));
}

function chunkGroup(
  lane: number,
  index: number,
  slices: readonly RunSlice[],
  kv: KvRows,
  expectedTokens: (sequenceId: number) => number,
): RunGroup {
  const [first] = slices as [RunSlice];
  if (slices.length === 1) {
    const { sequenceId, context, length } = first;
    return { arena: kv.alone(sequenceId, context, context + length, expectedTokens(sequenceId)), slices };
  }
  const group = kv.chunkGroup(
    lane,
    index,
    slices.map(({ sequenceId, context }) => ({ id: sequenceId, length: context })),
  );
  return { arena: group.arena, slices: inOrder(slices, group.sequenceIds) };
}

function inOrder(slices: readonly RunSlice[], sequenceIds: readonly number[]): RunSlice[] {
  const byId = new Map(slices.map((slice) => [slice.sequenceId, slice]));
  return sequenceIds.map((id) => byId.get(id) as RunSlice);
}

function runOf(steps: RunGroup | undefined, chunks: RunGroup | undefined): StageRun {
  return { steps, chunks, slices: [...(steps?.slices ?? []), ...(chunks?.slices ?? [])] };
}

function slicesOf(batch: RaggedBatch): RunSlice[] {
  let firstToken = 0;
  return batch.sequenceIds.map((sequenceId, index) => {
    const length = batch.lengths[index] as number;
    const slice: RunSlice = {
      sequenceId,
      length,
      context: batch.contextLengths[index] as number,
      sample: batch.sample[index] === true,
      firstToken,
    };
    firstToken += length;
    return slice;
  });
}
