import { expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { batchOf, type SliceOf } from "../../test/fixtures/stage-fixtures.js";
import { computeInParts } from "./compute-in-parts.js";
import type { StageOutput } from "./stage-runner.js";
import type { Work } from "./without-sequences.js";

/** Work whose tokens are their positions in the batch. */
function workOf(slices: readonly SliceOf[]): Work {
  const batch = batchOf(slices);
  const tokens = batch.lengths.reduce((sum, length) => sum + length, 0);
  return { batch, input: { kind: "tokens", tokenIds: Uint32Array.from({ length: tokens }, (_, i) => i) } };
}

/** Remembers what was run, and has no room for some of it. */
function device(fits: (work: Work) => boolean) {
  const runs: string[] = [];
  const compute = async (work: Work): Promise<StageOutput> => {
    const { batch, input } = work;
    const run = batch.sequenceIds.map((id, i) => `${id}@${batch.contextLengths[i]}+${batch.lengths[i]}`);
    if (!fits(work)) throw new StagecoachError("RESOURCE_EXHAUSTED", `no room for ${run}`);
    runs.push(run.join(" "));
    const ids = input.kind === "tokens" ? [...input.tokenIds] : [];
    return { kind: "hidden", dtype: "FLOAT32", data: Float32Array.from(ids.flatMap((id) => [id, -id])) };
  };
  return { runs, compute };
}

const tokensOf = ({ batch }: Work): number => batch.lengths.reduce((sum, length) => sum + length, 0);

function rowsIn(output: StageOutput): number[] {
  if (output.kind !== "hidden") throw new Error("these are tokens");
  return [...output.data].filter((_, index) => index % 2 === 0);
}

test("what fits is computed at once", async () => {
  const { runs, compute } = device(() => true);
  const output = await computeInParts(workOf([{ id: 1 }, { id: 2, length: 3 }]), compute);
  expect(runs).toEqual(["1@0+1 2@0+3"]);
  expect(output.failed).toBeUndefined();
});

test("rows go apart from chunks, chunks one by one, and all come back in their order", async () => {
  const { runs, compute } = device((work) => tokensOf(work) <= 4);
  const work = workOf([
    { id: 1, context: 9 },
    { id: 2, context: 8 },
    { id: 3, length: 4 },
    { id: 4, length: 3, context: 6 },
  ]);
  const output = await computeInParts(work, compute);
  expect(runs).toEqual(["1@9+1 2@8+1", "3@0+4", "4@6+3"]);
  expect(rowsIn(output)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(output.failed).toBeUndefined();
});

test("rows and chunks go in halves as often as it takes; only a chunk's end is sampled", async () => {
  const { runs, compute } = device((work) => tokensOf(work) <= 2);
  const sampled: boolean[][] = [];
  const work = workOf([{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4, context: 5, length: 5, blocks: [7] }]);
  const output = await computeInParts(work, async (part) => {
    const result = await compute(part);
    sampled.push([...part.batch.sample]);
    return result;
  });
  expect(runs).toEqual(["1@0+1 2@0+1", "3@0+1", "4@5+2", "4@7+1", "4@8+2"]);
  expect(sampled).toEqual([[true, true], [true], [false], [false], [true]]);
  expect(rowsIn(output)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("tokens of all parts come together", async () => {
  const output = await computeInParts(workOf([{ id: 1 }, { id: 2 }, { id: 3 }]), async ({ batch }) => {
    if (batch.sequenceIds.length > 2) throw new StagecoachError("RESOURCE_EXHAUSTED", "no room");
    return { kind: "tokens", tokens: batch.sequenceIds.map((sequenceId) => ({ sequenceId, tokenId: 5 })) };
  });
  expect(output).toEqual({
    kind: "tokens",
    tokens: [1, 2, 3].map((sequenceId) => ({ sequenceId, tokenId: 5 })),
  });
});

test("what fits not even alone is left out, with the reason; a chunk's later half is not tried then", async () => {
  const { runs, compute } = device(({ batch }) => !batch.sequenceIds.includes(2));
  const output = await computeInParts(
    workOf([{ id: 1 }, { id: 2, length: 4 }, { id: 3, length: 2 }]),
    compute,
  );
  expect(runs).toEqual(["1@0+1", "3@0+2"]);
  expect(rowsIn(output)).toEqual([0, 5, 6]);
  expect(output.failed).toMatchObject({ sequenceIds: [2], reason: { message: "no room for 2@0+1" } });
});

test("a chunk that is computed half-way is left out whole", async () => {
  const { compute } = device(
    ({ batch }) => !(batch.sequenceIds.includes(2) && (batch.contextLengths.at(-1) ?? 0) >= 2),
  );
  const late = workOf([{ id: 1 }, { id: 2, length: 4 }]);
  const { compute: limited } = device((work) => tokensOf(work) <= 2);
  const output = await computeInParts(late, async (work) => {
    await limited(work);
    return compute(work);
  });
  expect(rowsIn(output)).toEqual([0]);
  expect(output.failed?.sequenceIds).toEqual([2]);
});

test("where nothing fits, that is the error; others are passed on at once", async () => {
  const { compute } = device(() => false);
  await expect(computeInParts(workOf([{ id: 1 }, { id: 2 }]), compute)).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    message: "no room for 1@0+1",
  });
  let runs = 0;
  const broken = computeInParts(workOf([{ id: 1 }, { id: 2 }]), async () => {
    runs++;
    throw new StagecoachError("INTERNAL", "wrong shape");
  });
  await expect(broken).rejects.toThrow("wrong shape");
  expect(runs).toBe(1);
});
