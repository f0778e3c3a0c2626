import { StagecoachError } from "../../common/errors.js";
import { copyRows, newActivation } from "../../common/tensor.js";
import type { SequenceLedger } from "./sequence-ledger.js";
import type { RaggedBatch, StageOutput } from "./stage-runner.js";
import { type Work, withSlices } from "./without-sequences.js";

type Compute = (work: Work) => Promise<StageOutput>;

/** What came of one part of a micro-batch. */
interface Piece {
  readonly work: Work;
  readonly output: StageOutput;
}

/** What came of a whole micro-batch so far. */
interface Progress {
  readonly pieces: Piece[];
  readonly failed: Set<number>;
  reason?: StagecoachError;
}

/**
 * Computes a micro-batch, and where memory does not hold it, its parts one after another: decoding rows apart from
 * chunks, each chunk alone, then rows and chunks in halves. Computing a position again writes the same keys and values
 * to the same place, so nothing is lost by a run that failed half-way. Sequences of which not even one token can be
 * computed are left out of the output and named in it.
 * @param compute throws RESOURCE_EXHAUSTED for what memory does not hold; other errors end the whole batch
 * @throws StagecoachError RESOURCE_EXHAUSTED when nothing could be computed, and what else `compute` throws
 */
export async function computeInParts(work: Work, compute: Compute): Promise<StageOutput> {
  const progress: Progress = { pieces: [], failed: new Set() };
  const whole = await attempt(work, compute, progress);
  if (whole !== undefined) return whole;
  for (const part of partsOf(work)) await computePart(part, compute, progress);
  const { failed, reason } = progress;
  const computed = progress.pieces.filter(
    ({ work: { batch } }) => !failed.has(batch.sequenceIds[0] as number),
  );
  const [first, ...rest] = computed;
  if (first === undefined) throw reason;
  const output = rest.length === 0 ? first.output : joined(computed, first.output);
  return reason === undefined ? output : { ...output, failed: { sequenceIds: [...failed], reason } };
}

/**
 * The same for a batch that a ledger took: what was not computed is spoilt there.
 * @throws StagecoachError as `computeInParts`
 */
export async function computeSpoiling(
  ledger: SequenceLedger,
  work: Work,
  compute: Compute,
): Promise<StageOutput> {
  try {
    const output = await computeInParts(work, compute);
    if (output.failed !== undefined) ledger.spoil(work.batch, output.failed.sequenceIds);
    return output;
  } catch (reason) {
    ledger.spoil(work.batch);
    throw reason;
  }
}

/** The error of a run that a device has no room for. `what`: the device, and what it said. */
export function noRoomFor(batch: RaggedBatch, what: string, cause?: unknown): StagecoachError {
  const { sequenceIds, contextLengths, lengths } = batch;
  const longest = Math.max(...contextLengths.map((context, index) => context + (lengths[index] as number)));
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  return new StagecoachError(
    "RESOURCE_EXHAUSTED",
    `no memory is left to compute ${tokens === 1 ? "a token" : `${tokens} tokens`} of sequences ${sequenceIds.join(", ")}, up to ${longest} tokens long, on ${what}: send a shorter prompt, or start the worker with less --kv-cache-memory, the coordinator with less --max-batch-tokens`,
    { cause },
  );
}

async function computePart(part: Work, compute: Compute, progress: Progress): Promise<void> {
  const { sequenceIds } = part.batch;
  // A chunk's later half is of no use without the earlier.
  if (sequenceIds.length === 1 && progress.failed.has(sequenceIds[0] as number)) return;
  const output = await attempt(part, compute, progress);
  if (output !== undefined) {
    progress.pieces.push({ work: part, output });
    return;
  }
  const smaller = partsOf(part);
  if (smaller.length === 0) for (const sequenceId of sequenceIds) progress.failed.add(sequenceId);
  for (const each of smaller) await computePart(each, compute, progress);
}

/** Undefined where memory does not hold it. */
async function attempt(work: Work, compute: Compute, progress: Progress): Promise<StageOutput | undefined> {
  try {
    return await compute(work);
  } catch (error) {
    if (!(error instanceof StagecoachError) || error.code !== "RESOURCE_EXHAUSTED") throw error;
    if (partsOf(work).length === 0) progress.reason ??= error;
    return undefined;
  }
}

/** Smaller work that makes up this one, in order; none for a single token. */
function partsOf(work: Work): Work[] {
  const { lengths } = work.batch;
  const firstChunk = lengths.findIndex((length) => length > 1);
  const indices = [...lengths.keys()];
  if (lengths.length === 1) return halvesOfChunk(work);
  if (firstChunk < 0) return halves(indices).map((part) => withSlices(work, part));
  const rows = indices.slice(0, firstChunk);
  const alone = indices.slice(firstChunk).map((index) => [index]);
  return [...(rows.length > 0 ? [rows] : []), ...alone].map((part) => withSlices(work, part));
}

function halves(indices: readonly number[]): (readonly number[])[] {
  const middle = Math.ceil(indices.length / 2);
  return [indices.slice(0, middle), indices.slice(middle)];
}

/** Of one sequence's chunk; only after the later half anything is sampled. */
function halvesOfChunk({ batch, input }: Work): Work[] {
  const length = batch.lengths[0] as number;
  if (length === 1) return [];
  const middle = Math.ceil(length / 2);
  const context = batch.contextLengths[0] as number;
  // As two slices of one sequence, so that its rows can be parted like anybody's.
  const both: RaggedBatch = {
    lane: batch.lane,
    sequenceIds: [batch.sequenceIds[0] as number, batch.sequenceIds[0] as number],
    contextLengths: [context, context + middle],
    lengths: [middle, length - middle],
    sample: [false, batch.sample[0] as boolean],
    newBlocks: [batch.newBlocks[0] as readonly number[], []],
  };
  return [0, 1].map((index) => withSlices({ batch: both, input }, [index]));
}

/** The outputs of pieces one after another, in the form of the first. */
function joined(pieces: readonly Piece[], form: StageOutput): StageOutput {
  if (form.kind === "tokens") {
    const tokens = pieces.flatMap(({ output }) => (output.kind === "tokens" ? output.tokens : []));
    return { kind: "tokens", tokens };
  }
  const counts = pieces.map(({ work }) => work.batch.lengths.reduce((sum, length) => sum + length, 0));
  const width = form.data.length / (counts[0] as number);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const whole = newActivation(form.dtype, total, width);
  let row = 0;
  for (const [index, { output }] of pieces.entries()) {
    if (output.kind === "hidden") copyRows(output, whole, row, width);
    row += counts[index] as number;
  }
  return { kind: "hidden", ...whole };
}
