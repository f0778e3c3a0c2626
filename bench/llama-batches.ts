import { StagecoachError } from "../common/errors.js";
import type { BatchSlice } from "./batch-queue.js";

/** Computes batches, greedily. */
export interface Batches {
  /** Computes a batch and gives the tokens that follow its sampling slices, in their order. */
  compute(batch: readonly BatchSlice[]): Promise<number[]>;
  /** Forgets what a sequence holds. */
  clear(sequence: number): void;
}

/** Where node-llama-cpp keeps llama.cpp's own objects; it exports no types for them. */
export interface LlamaHandles {
  readonly llama: object;
  readonly model: object;
  readonly context: object;
}

/** llama.cpp's batch interface, as node-llama-cpp's addon gives it. */
interface InnerContext {
  initBatch(tokens: number): void;
  /** `logitIndexes`: which of `tokens` are sampled after; returns their rows in the batch. */
  addToBatch(
    sequence: number,
    position: number,
    tokens: Uint32Array,
    logitIndexes: Uint32Array,
  ): ArrayLike<number>;
  decodeBatch(): Promise<void>;
  /** -1 where there is none. */
  sampleToken(row: number, sampler: InnerSampler): Promise<number>;
  disposeSequence(sequence: number): void;
}

interface InnerSampler {
  applyConfig(config: { readonly temperature: number }): void;
}

/**
 * Batches of a context of node-llama-cpp, past its own queue of evaluations, which has llama.cpp wait for work of
 * JavaScript's between steps. Nothing else may use the context meanwhile.
 * @throws StagecoachError FAILED_PRECONDITION when the package keeps its inner objects otherwise than the release
 * that this was written for
 */
export function llamaBatches({ llama, model, context }: LlamaHandles, sequences: number): Batches {
  const contextMethods = [
    "initBatch",
    "addToBatch",
    "decodeBatch",
    "sampleToken",
    "disposeSequence",
  ] as const;
  const inner = withMethods<InnerContext>(member(context, "_ctx"), "context._ctx", contextMethods);
  const Sampler = member(member(llama, "_bindings"), "AddonSampler");
  if (typeof Sampler !== "function") throw changed("llama._bindings.AddonSampler");
  const samplers = Array.from({ length: sequences }, () => {
    const sampler: unknown = Reflect.construct(Sampler, [member(model, "_model")]);
    return withMethods<InnerSampler>(sampler, "AddonSampler", ["applyConfig"]);
  });
  for (const sampler of samplers) sampler.applyConfig({ temperature: 0 });

  return {
    compute: async (batch) => {
      inner.initBatch(batch.reduce((sum, { tokens }) => sum + tokens.length, 0));
      const rows = batch.flatMap(({ sequence, position, tokens, samples }) => {
        const sampled = Uint32Array.from(samples ? [tokens.length - 1] : []);
        const added = inner.addToBatch(sequence, position, Uint32Array.from(tokens), sampled);
        return Array.from(added, (row) => ({ row, sampler: samplers[sequence] as InnerSampler }));
      });
      await inner.decodeBatch();
      const tokens = await Promise.all(rows.map(({ row, sampler }) => inner.sampleToken(row, sampler)));
      if (tokens.includes(-1))
        throw new StagecoachError("INTERNAL", "llama.cpp gave no token for a sequence");
      return tokens;
    },
    clear: (sequence) => inner.disposeSequence(sequence),
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function withMethods<Shape extends object>(
  value: unknown,
  where: string,
  names: readonly (keyof Shape & string)[],
): Shape {
  const missing = names.find((name) => typeof member(value, name) !== "function");
  if (missing !== undefined) throw changed(`${where}.${missing}`);
  return value as Shape;
}

function changed(what: string): StagecoachError {
  return new StagecoachError(
    "FAILED_PRECONDITION",
    `llama.cpp cannot be compared with: this release of node-llama-cpp has no ${what}; run npm ci for the one in package-lock.json`,
  );
}
