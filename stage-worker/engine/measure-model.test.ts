import { afterEach, describe, expect, test, vi } from "vitest";
import { paperManifest, runnerOptions } from "../../test/fixtures/stage-fixtures.js";
import { type DeviceTimes, virtualDevice } from "../../test/fixtures/virtual-device.js";
import { disturbanceOf, type MeasuredPart, type ModelTimes, measureModel } from "./measure-model.js";
import { benchLimits, type MeasureSchedule, measuredLayers, measureSchedule } from "./measure-schedule.js";
import { cpuPace } from "./time-rounds.js";

afterEach(() => {
  vi.restoreAllMocks();
});

/** Flat while it waits for its memory, rising once it computes; it sleeps soon, and wakes slowly. */
const gpu: DeviceTimes = {
  call: 0.05,
  layer: (rows) => Math.max(0.4, 0.004 * rows),
  head: (rows) => 1 + 0.001 * rows,
  embedding: () => 0.02,
  copy: 0.001,
  sleepAfterMs: 0.5,
  sleepyFactor: 3,
};

const needs = { maxSequences: 200, maxBatchTokens: 1000 };
const parts: MeasuredPart[] = [];
let closed = 0;

async function measured(
  times: DeviceTimes,
  { schedule, manifest = paperManifest({ layerCount: 8 }), blockSize = 0 }: MeasuredWith,
): Promise<ModelTimes> {
  parts.length = 0;
  closed = 0;
  const limits = { ...benchLimits(schedule, blockSize), activationDtype: "FLOAT16" as const };
  const device = virtualDevice(times);
  return await measureModel(manifest, { schedule, limits }, async (part) => {
    parts.push(part);
    const runner = device.openRunner({ ...runnerOptions(), manifest, ...limits, ...part });
    return {
      ...runner,
      close: async () => {
        closed++;
      },
    };
  });
}

interface MeasuredWith {
  readonly schedule: MeasureSchedule;
  readonly manifest?: ReturnType<typeof paperManifest>;
  readonly blockSize?: number;
}

const onCpu = measureSchedule("cpu", paperManifest(), needs);
const onGpu = measureSchedule("cuda", paperManifest(), needs);

describe("on a CPU", () => {
  const cpu = { ...gpu, layer: (rows: number) => 0.1 + 0.02 * rows, sleepAfterMs: Infinity };

  test("every part is opened alone, a layer twice, and all are closed", async () => {
    await measured(cpu, { schedule: onCpu });
    const none = { firstLayer: 0, endLayer: 0, embedding: false, head: false };
    expect(parts).toEqual([
      { ...none, endLayer: 8 },
      { ...none, firstLayer: 8, endLayer: 8, head: true },
      { ...none, endLayer: 1 },
      { ...none, embedding: true },
    ]);
    expect(closed).toBe(4);
  });

  test("a layer is the difference between many and one, and a call's cost what is left", async () => {
    const times = await measured({ ...cpu, copy: 0 }, { schedule: onCpu });
    expect(times.layerDecode).toMatchObject({ alphaMs: expect.closeTo(0.1), betaMs: expect.closeTo(0.02) });
    expect(times.layerPrefill.points).toEqual([
      { rows: 32, ms: expect.closeTo(0.74) },
      { rows: 128, ms: expect.closeTo(2.66) },
    ]);
    expect(times.stage).toEqual({ alphaMs: expect.closeTo(0.05), betaMs: 0 });
    expect(times.head.points[0]).toEqual({ rows: 1, ms: expect.closeTo(1.001) });
    expect(times.embedding).toMatchObject({ alphaMs: expect.closeTo(0.02), betaMs: expect.closeTo(0) });
  });
});

describe("on a GPU", () => {
  test("times are those of a device that is kept at work, at as many rows as it will get", async () => {
    const times = await measured(gpu, { schedule: onGpu });
    expect(times.layerDecode.points.map(({ rows }) => rows)).toEqual([1, 4, 8, 16, 32, 64, 128, 200]);
    for (const { rows, ms } of [...times.layerDecode.points, ...times.layerPrefill.points])
      expect(ms).toBeCloseTo(gpu.layer(rows), 6);
    expect(times.layerPrefill.points.map(({ rows }) => rows)).toEqual([32, 128, 512, 1000]);
    for (const { rows, ms } of times.head.points) expect(ms).toBeCloseTo(gpu.head(rows), 1);
    expect(times.disturbance).toBeLessThan(0.01);
  });

  test("copies in and out are a stage's own cost, by its rows", async () => {
    const { stage, head, embedding } = await measured(gpu, { schedule: onGpu });
    expect(stage.betaMs).toBeCloseTo(2 * gpu.copy, 4);
    expect(stage.alphaMs).toBeCloseTo(gpu.call, 1);
    // A part with hidden states on one side has half of them.
    expect(head.points.at(-1)?.ms).toBeCloseTo(gpu.head(200), 1);
    expect(embedding.points.at(-1)?.ms).toBeCloseTo(0.02, 1);
  });

  test("with a CPU's pauses the head would seem several times as dear", async () => {
    const { head } = await measured(gpu, { schedule: { ...onGpu, pace: cpuPace } });
    expect(head.points[0]?.ms).toBeGreaterThan(2 * gpu.head(1));
  });

  test.each([0, 32, 128, 256, 512])("in blocks of %i tokens, as the device wants them", async (blockSize) => {
    const { layerDecode } = await measured(gpu, { schedule: onGpu, blockSize });
    expect(layerDecode.points[0]?.ms).toBeCloseTo(0.4);
    expect(closed).toBe(4);
  });

  test("runs that get long end the series, but two there are", async () => {
    const slow = { ...gpu, layer: (rows: number) => 5 * rows };
    const { layerDecode, layerPrefill } = await measured(slow, { schedule: onGpu });
    expect(layerDecode.points.map(({ rows }) => rows)).toEqual([1, 4, 8]);
    expect(layerPrefill.points.map(({ rows }) => rows)).toEqual([32, 128]);
  });

  test("a model of short contexts is asked for no longer ones", async () => {
    const manifest = paperManifest({ layerCount: 4, contextLength: 256 });
    const schedule = measureSchedule("webgpu", manifest, { maxSequences: 32, maxBatchTokens: 512 });
    expect(benchLimits(schedule, 32).maxContext).toBe(256);
    expect(schedule.prefillTokens).toEqual([32, 128, 256]);
    await measured(gpu, { schedule, manifest, blockSize: 32 });
    expect(closed).toBe(4);
  });
});

test("a model of one layer is measured by that layer", async () => {
  const manifest = paperManifest({ layerCount: 1 });
  const { layerDecode } = await measured(gpu, { schedule: onGpu, manifest });
  expect(parts.map(({ endLayer }) => endLayer)).toEqual([1, 1, 0, 1]);
  expect(layerDecode.points[0]?.ms).toBeGreaterThan(0.4);
});

test("so many layers are measured that no cache holds them, of large ones four", () => {
  const sized = (sizeBytes: number) => {
    const manifest = paperManifest({ layerCount: 30 });
    return { ...manifest, blobs: manifest.blobs.map((blob) => ({ ...blob, sizeBytes })) };
  };
  const counts = [1, 2 * 2 ** 20, 2 ** 30].map(sized);
  expect(counts.map((manifest) => measuredLayers(manifest, onCpu))).toEqual([30, 16, 4]);
  expect(measuredLayers(sized(32 * 2 ** 20), onGpu)).toBe(8);
});

test.each([
  [{ firstMs: 10, againMs: 12, processorShare: 1 }, 0.2],
  [{ firstMs: 12, againMs: 10, processorShare: 0.95 }, 0.2],
  [{ firstMs: 10, againMs: 10, processorShare: 0.5 }, 1],
  [{ firstMs: 0.5, againMs: 5, processorShare: 0.5 }, 0],
])("%j is disturbed by %d", (times, expected) => {
  expect(disturbanceOf(times)).toBeCloseTo(expected);
});
