import { parentPort } from "node:worker_threads";
import { type Code, StagecoachError } from "../../common/errors.js";
import { openMatrixProduct } from "./matrix-product.js";
import { type RoundedWeights, roundWeights } from "./round-weights.js";

/** To the thread: a product to round, or `undefined` to end. */
export type ToRounding = RoundingJob | undefined;

/** What `roundWeights` takes. */
export interface RoundingJob {
  readonly weight: Float32Array;
  readonly gram: Float32Array;
  readonly inputSize: number;
}

/** From the thread, one for each job in their order. */
export type FromRounding =
  | { readonly kind: "rounded"; readonly weights: RoundedWeights }
  | { readonly kind: "failed"; readonly code: Code; readonly message: string };

/** Entry of a thread that rounds products one after another. */
async function main(): Promise<void> {
  const product = await openMatrixProduct();
  let last = Promise.resolve();
  parentPort?.on("message", (job: ToRounding) => {
    last = last.then(async () => {
      if (job) return await answer(() => roundWeights(job.weight, job.gram, job.inputSize, product));
      await product.close();
      parentPort?.close();
    });
  });
}

async function answer(round: () => Promise<RoundedWeights>): Promise<void> {
  try {
    const weights = await round();
    post({ kind: "rounded", weights }, [weights.levels.buffer, weights.scales.buffer]);
  } catch (reason) {
    const { code, message } = StagecoachError.from(reason, "INTERNAL");
    post({ kind: "failed", code, message });
  }
}

function post(message: FromRounding, transfer: ArrayBufferLike[] = []): void {
  parentPort?.postMessage(message, transfer as ArrayBuffer[]);
}

await main();
