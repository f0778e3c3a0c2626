import { expect, test } from "vitest";
import { paperManifest, runnerOptions } from "../../test/fixtures/stage-fixtures.js";
import { disturbanceOf, type MeasuredPart, measuredLayers, measureModel } from "./measure-model.js";
import { benchLimits } from "./runner-bench.js";
import { createSimulatedRunner, instantSimulation } from "./simulated-runner.js";
import type { SequenceOpening } from "./stage-runner.js";

/** Instant runners that hold the bench to a real one's rules, and note how many tokens it finds in KV. */
function openParts(
  manifest: ReturnType<typeof paperManifest>,
  limits = benchLimits(0),
  beginsInsideBlocks = true,
) {
  const cachedLengths = new Set<number>();
  const parts: MeasuredPart[] = [];
  let closed = 0;
  return {
    parts,
    cachedLengths,
    closed: () => closed,
    open: async (part: MeasuredPart) => {
      parts.push(part);
      const runner = createSimulatedRunner(
        { ...runnerOptions(), manifest, ...limits, ...part },
        instantSimulation,
      );
      return {
        ...runner,
        beginsInsideBlocks,
        open: (openings: readonly SequenceOpening[]) => {
          for (const { cachedLength } of openings) cachedLengths.add(cachedLength);
          runner.open(openings);
        },
        close: async () => {
          closed++;
        },
      };
    },
  };
}

test("every part is opened alone, a layer twice, and all are closed", async () => {
  const manifest = paperManifest({ layerCount: 30 });
  const { parts, open, closed } = openParts(manifest);
  const times = await measureModel(manifest, { limits: benchLimits(0), onGpu: false }, open);
  const none = { firstLayer: 0, endLayer: 0, embedding: false, head: false };
  expect(parts).toEqual([
    { ...none, endLayer: 30 },
    { ...none, firstLayer: 30, endLayer: 30, head: true },
    { ...none, endLayer: 1 },
    { ...none, embedding: true },
  ]);
  expect(closed()).toBe(4);
  for (const time of [times.layerDecode, times.layerPrefill, times.embedding, times.head, times.stage]) {
    expect(time.alphaMs).toBeGreaterThanOrEqual(0);
    expect(time.betaMs).toBeGreaterThanOrEqual(0);
  }
});

test.each([32, 128, 256, 512])("in blocks of %i, as the device wants them", async (blockSize) => {
  const manifest = paperManifest({ layerCount: 30 });
  const limits = benchLimits(blockSize);
  expect(limits.blockSize).toBe(blockSize);
  const { open, closed } = openParts(manifest, limits);
  await measureModel(manifest, { limits, onGpu: true }, open);
  expect(closed()).toBe(4);
});

test.each([
  [true, [0, 64, 160, 224]],
  [false, [0, 128]],
])("sequences begin inside a block (%s) as the runner can", async (beginsInsideBlocks, expected) => {
  const manifest = paperManifest({ layerCount: 30 });
  const limits = benchLimits(128);
  const { open, cachedLengths } = openParts(manifest, limits, beginsInsideBlocks);
  await measureModel(manifest, { limits, onGpu: true }, open);
  expect([...cachedLengths].toSorted((one, other) => one - other)).toEqual(expected);
});

test("a model of one layer is measured by that layer", async () => {
  const manifest = paperManifest({ layerCount: 1 });
  const { parts, open } = openParts(manifest);
  await measureModel(manifest, { limits: benchLimits(0), onGpu: false }, open);
  expect(parts.map(({ endLayer }) => endLayer)).toEqual([1, 1, 1, 0]);
  expect(measuredLayers(manifest)).toBe(1);
});

test("so many layers are measured that no cache holds them, of large ones four", () => {
  const sized = (sizeBytes: number) => {
    const manifest = paperManifest({ layerCount: 30 });
    return { ...manifest, blobs: manifest.blobs.map((blob) => ({ ...blob, sizeBytes })) };
  };
  expect(measuredLayers(sized(1))).toBe(30);
  expect(measuredLayers(sized(2 * 2 ** 20))).toBe(16);
  expect(measuredLayers(sized(2 ** 30))).toBe(4);
});

test.each([
  [{ firstMs: 10, againMs: 12, processorShare: 1 }, 0.2],
  [{ firstMs: 12, againMs: 10, processorShare: 0.95 }, 0.2],
  [{ firstMs: 10, againMs: 10, processorShare: 0.5 }, 1],
  [{ firstMs: 0.5, againMs: 5, processorShare: 0.5 }, 0],
])("%j is disturbed by %d", (times, expected) => {
  expect(disturbanceOf(times)).toBeCloseTo(expected);
});
