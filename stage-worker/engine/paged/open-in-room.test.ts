import { expect, test } from "vitest";
import { paperManifest, runnerOptions } from "../../../test/fixtures/stage-fixtures.js";
import type { GpuHolder, GpuMemory } from "../../cuda/gpu-memory.js";
import type { RunnerOptions } from "../stage-runner.js";
import { type Openable, openInRoom } from "./open-in-room.js";

const mebibyte = 2 ** 20;

/** Four layers of which a block takes one MiB, and 100 MiB of weights. */
function stage(change: Partial<RunnerOptions> = {}): RunnerOptions {
  const plain = paperManifest({ kvHeadCount: 8, headSize: 64 });
  const [embed, ...rest] = plain.blobs;
  const table = { name: "embed", dtype: "f16", shape: [1], offsetBytes: 0, sizeBytes: 100 * mebibyte };
  const manifest = {
    ...plain,
    blobs: [{ ...embed, tensors: [table] }, ...rest],
  } as RunnerOptions["manifest"];
  const sizes = { blockSize: 128, blockCount: 0, maxContext: 1_280, maxSequences: 1000, maxBatchTokens: 512 };
  return { ...runnerOptions({ manifest, memoryLimitBytes: 100_000 * mebibyte }), ...sizes, ...change };
}

interface FakeStage {
  readonly mebibytes: number;
}

/**
 * A GPU on which a stage takes its weights, its blocks and so much to compute in, all in MiB; what the first opening
 * leaves with the process is never given back.
 */
class FakeGpu implements Openable<FakeStage> {
  readonly device = "CUDA device 0";
  readonly opened: number[] = [];
  others: GpuHolder[] = [];
  readonly #tells: boolean;
  readonly #workspace: number;
  #free: number;
  #kept = 0;
  /** Of the session that is open. */
  #working = 0;
  #own = 0;

  constructor(free: number, { workspace = 50, tells = true } = {}) {
    this.#free = free;
    this.#workspace = workspace;
    this.#tells = tells;
  }

  get memory(): (() => Promise<GpuMemory>) | undefined {
    if (!this.#tells) return undefined;
    return async () => ({
      totalBytes: 80_000 * mebibyte,
      freeBytes: this.#free * mebibyte,
      ownBytes: this.#own * mebibyte,
      others: this.others,
    });
  }

  /** Somebody else takes, or gives back. */
  taken(mebibytes: number): void {
    this.#free -= mebibytes;
  }

  async open(blockCount: number): Promise<FakeStage> {
    this.opened.push(blockCount);
    this.#take(20 - this.#kept);
    this.#kept = 20;
    this.#take(100 + blockCount);
    return { mebibytes: 100 + blockCount };
  }

  async tryOut(): Promise<void> {
    this.#take(this.#workspace);
    this.#working += this.#workspace;
  }

  async close({ mebibytes }: FakeStage): Promise<void> {
    this.#take(-mebibytes - this.#working);
    this.#working = 0;
  }

  #take(mebibytes: number): void {
    if (mebibytes > this.#free)
      throw new Error(`Failed to allocate memory for requested buffer of size ${mebibytes}`);
    this.#free -= mebibytes;
    this.#own += mebibytes;
  }
}

test("blocks get what weights, computing and a margin leave, measured with few of them", async () => {
  const gpu = new FakeGpu(10_000);
  const { blockCount, memoryUse } = await openInRoom(stage(), gpu);
  expect(blockCount).toBe(10_000 - 100 - 50 - 20 - 256);
  expect(gpu.opened).toEqual([2, blockCount]);
  expect(memoryUse).toBe("100.0 MiB of weights, 70.0 MiB to compute in, 9.3 GiB of KV in 9574 blocks");
});

test("where the limit is less than that, it is the limit", async () => {
  const gpu = new FakeGpu(10_000);
  const { blockCount } = await openInRoom(stage({ memoryLimitBytes: 5_000 * mebibyte }), gpu);
  expect(blockCount).toBe(5_000 - 100 - 50 - 20);
  const kv = { memoryLimitBytes: 5_000 * mebibyte, kvMemoryBytes: 300 * mebibyte };
  expect((await openInRoom(stage(kv), new FakeGpu(10_000))).blockCount).toBe(300);
});

test("where all that can be used is little, it is opened once", async () => {
  const gpu = new FakeGpu(10_000);
  const { blockCount } = await openInRoom(
    stage({ maxSequences: 20, memoryLimitBytes: 9_000 * mebibyte }),
    gpu,
  );
  expect(blockCount).toBe(200);
  expect(gpu.opened).toEqual([200]);
});

test("what others take meanwhile is not counted as its own, and missed", async () => {
  const gpu = new FakeGpu(10_000);
  const { blockCount } = await openInRoom(stage(), {
    device: gpu.device,
    memory: gpu.memory,
    open: (count) => gpu.open(count),
    close: (opened) => gpu.close(opened),
    tryOut: async () => {
      await gpu.tryOut();
      if (gpu.opened.length === 1) gpu.taken(1_000);
    },
  });
  expect(blockCount).toBe(9_000 - 100 - 50 - 20 - 256);
});

test("memory that goes between measuring and opening: less is tried, then refused with who has it", async () => {
  const gpu = new FakeGpu(10_000);
  let closed = 0;
  const how = (taking: number): Openable<FakeStage> => ({
    device: gpu.device,
    memory: gpu.memory,
    open: (count) => gpu.open(count),
    tryOut: () => gpu.tryOut(),
    close: async (opened) => {
      await gpu.close(opened);
      if (closed++ === 0) gpu.taken(taking);
    },
  });
  const { blockCount, opened } = await openInRoom(stage(), how(2_000));
  expect(blockCount).toBe(8_000 - 20 - 256 - 170);
  await gpu.close(opened);

  gpu.others = [{ processId: 77, name: "/usr/bin/python3", bytes: 70_000 * mebibyte }];
  closed = 0;
  await expect(openInRoom(stage(), how(7_900))).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    message: expect.stringMatching(
      /layers \[0, 4\) do not fit CUDA device 0: they take 100\.0 MiB of weights, .* to compute in, 1\.0 MiB of KV a block of 128 tokens \(10\.0 MiB for a sequence of 1280\); 97\.7 GiB may be used, .* of 78\.1 GiB are free; process 77 \(python3\) holds 68\.4 GiB: give this worker fewer layers, lower --max-batch-tokens or --max-num-seqs, or take another GPU/,
    ),
  });
});

test("a GPU that is full is refused before anything is opened; one without room to compute after that", async () => {
  const full = new FakeGpu(90);
  await expect(openInRoom(stage(), full)).rejects.toThrow(
    /100\.0 MiB of weights.*90\.0 MiB of 78\.1 GiB are free/,
  );
  expect(full.opened).toEqual([]);
  const tight = new FakeGpu(150);
  await expect(openInRoom(stage(), tight)).rejects.toThrow(/do not fit CUDA device 0/);
  expect(tight.opened).toEqual([2]);
  const margin = openInRoom(stage(), new FakeGpu(200));
  await expect(margin).rejects.toThrow(/70\.0 MiB to compute in/);
  const kv = openInRoom(stage({ kvMemoryBytes: 1000 }), new FakeGpu(10_000));
  await expect(kv).rejects.toThrow(
    /KV cache may take 1000 B, a block of 128 tokens.*raise --kv-cache-memory/,
  );
});

test("a device that does not tell is tried with half as often as it fails", async () => {
  const gpu = new FakeGpu(1_000, { tells: false });
  const { blockCount, memoryUse } = await openInRoom(stage({ memoryLimitBytes: 4_096 * mebibyte }), gpu);
  expect(gpu.opened).toEqual([3996, 1998, 999, 499]);
  expect(blockCount).toBe(499);
  expect(memoryUse).toBe("100.0 MiB of weights, 499.0 MiB of KV in 499 blocks");
  const none = new FakeGpu(60, { tells: false });
  await expect(openInRoom(stage({ memoryLimitBytes: 104 * mebibyte }), none)).rejects.toThrow(
    /a guess where nothing was said, for WebGPU tells nobody.*--memory-limit-bytes/,
  );
});

test("a number of blocks that is given is taken, or refused where it cannot fit", async () => {
  const gpu = new FakeGpu(1_000);
  expect((await openInRoom(stage({ blockCount: 40 }), gpu)).blockCount).toBe(40);
  await expect(openInRoom(stage({ blockCount: 2_000 }), new FakeGpu(1_000))).rejects.toThrow(/do not fit/);
});

test("a stage without layers has all blocks, and needs no memory for them", async () => {
  const head = { firstLayer: 4, endLayer: 4, embedding: false };
  const gpu = new FakeGpu(90_000);
  expect((await openInRoom(stage(head), gpu)).blockCount).toBe(10_000);
  expect(gpu.opened).toEqual([10_000]);
  expect((await openInRoom(stage({ ...head, blockCount: 12_000 }), new FakeGpu(90_000))).blockCount).toBe(
    12_000,
  );
});

test("other errors than of memory are passed on", async () => {
  const gpu = new FakeGpu(1_000);
  gpu.tryOut = async () => {
    throw new Error("no such operator");
  };
  await expect(openInRoom(stage(), gpu)).rejects.toThrow("no such operator");
  expect((await gpu.memory?.())?.freeBytes).toBe(980 * mebibyte);
});
