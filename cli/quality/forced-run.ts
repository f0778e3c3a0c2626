import { StagecoachError } from "../../common/errors.js";
import { greedySampling } from "../../common/greedy-sampling.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { NamedDevice } from "../../stage-worker/device-name.js";
import { createRunner } from "../../stage-worker/engine/create-runner.js";
import { deviceKv } from "../../stage-worker/engine/device-kv.js";
import type { RunnerOptions, StageRunner } from "../../stage-worker/engine/stage-runner.js";
import type { Sampler } from "../../stage-worker/sampler/create-sampler.js";

/** Where the device takes any. */
const plainBlockSize = 16;

/** What one sequence reads in a step, by its place among the lengths. */
export interface ForcedSlice {
  readonly sequence: number;
  readonly tokens: readonly number[];
}

/** A whole model in one stage that is told what to read, with the logits after it. Computes in the caller's thread. */
export class ForcedRun {
  readonly #runner: StageRunner;
  readonly #logits: LogitRecorder;
  readonly #sequences: { readonly firstBlock: number; readonly blocks: number; length: number }[];

  private constructor(
    runner: StageRunner,
    logits: LogitRecorder,
    lengths: readonly number[],
    blockSize: number,
  ) {
    this.#runner = runner;
    this.#logits = logits;
    let firstBlock = 0;
    this.#sequences = lengths.map((longest) => {
      const blocks = Math.ceil(longest / blockSize);
      const sequence = { firstBlock, blocks, length: 0 };
      firstBlock += blocks;
      return sequence;
    });
    runner.open(
      lengths.map((_, sequenceId) => ({
        sequenceId,
        history: new Uint32Array(0),
        promptLength: 1,
        cachedLength: 0,
        cachedBlocks: [],
        sampling: { ...greedySampling, logitBias: wholeLogits },
      })),
    );
  }

  /**
   * Opens the model for sequences of at most `lengths` tokens.
   * @throws StagecoachError whatever the runner cannot be made for
   */
  static async open(
    manifest: Manifest,
    blobsFolder: string,
    lengths: readonly number[],
    threads: number,
    device: NamedDevice,
    fewRowsKernel = false,
  ): Promise<ForcedRun> {
    const logits = new LogitRecorder();
    const blockSize = deviceKv(device.device, manifest).blockSize || plainBlockSize;
    const options: RunnerOptions = {
      manifest,
      blobsFolder,
      firstLayer: 0,
      endLayer: manifest.config.layerCount,
      embedding: true,
      head: true,
      blockSize,
      blockCount: lengths.reduce((sum, length) => sum + Math.ceil(length / blockSize), 0),
      maxSequences: lengths.length,
      laneCount: 1,
      maxContext: Math.max(...lengths),
      threads,
      memoryLimitBytes: Number.MAX_SAFE_INTEGER,
      fewRowsKernel,
    };
    const runner = await createRunner({ ...device, options }, logits);
    return new ForcedRun(runner, logits, lengths, blockSize);
  }

  /** Reads the tokens of all slices in one micro-batch; f32 logits after each slice's last, in their order. */
  async step(slices: readonly ForcedSlice[]): Promise<Float32Array[]> {
    const sequences = slices.map(({ sequence }) => this.#sequences[sequence] ?? missing(sequence));
    await this.#runner.forward(
      {
        lane: 0,
        sequenceIds: slices.map(({ sequence }) => sequence),
        contextLengths: sequences.map(({ length }) => length),
        lengths: slices.map(({ tokens }) => tokens.length),
        sample: slices.map(() => true),
        // All of a sequence's blocks come with its first slice.
        newBlocks: sequences.map(({ firstBlock, blocks, length }) =>
          length > 0 ? [] : Array.from({ length: blocks }, (_, i) => firstBlock + i),
        ),
      },
      { kind: "tokens", tokenIds: Uint32Array.from(slices.flatMap(({ tokens }) => tokens)) },
    );
    for (const [i, sequence] of sequences.entries()) sequence.length += slices[i]?.tokens.length ?? 0;
    return slices.map(({ sequence }) => this.#logits.latest.get(sequence) ?? missing(sequence));
  }

  close(): Promise<void> {
    return this.#runner.close();
  }
}

/** A bias that changes nothing, but might: a runner hands out all logits for it. */
const wholeLogits = new Map([[0, 1e-30]]);

/** Stands where the sampler does, and keeps what it is given. */
class LogitRecorder implements Sampler {
  readonly latest = new Map<number, Float32Array>();

  open(): void {}

  sample(sequenceId: number, logits: Float32Array): { sequenceId: number; tokenId: number } {
    this.latest.set(sequenceId, logits.slice());
    return { sequenceId, tokenId: 0 };
  }

  samplePart(sequenceId: number): never {
    throw new StagecoachError("INTERNAL", `sequence ${sequenceId} came without the logits that it asked for`);
  }

  close(): void {}
}

function missing(sequence: number): never {
  throw new RangeError(`there is no sequence ${sequence}`);
}
