import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { StagecoachError } from "../../common/errors.js";
import { startThread } from "../../common/start-thread.js";
import { type MatrixProduct, openMatrixProduct } from "./matrix-product.js";
import { type RoundedWeights, roundWeights } from "./round-weights.js";
import type { FromRounding, RoundingJob, ToRounding } from "./rounding-thread.js";

/** Each thread holds a product of its own in memory, so there are never more. */
const mostThreads = 4;

/** Multiplications below which starting a thread takes longer than rounding. */
const smallJob = 1e8;

/** Rounds products, large ones in several threads at the same time. */
export class RoundingPool {
  readonly #threads: RoundingThread[] = [];
  readonly #most: number;
  /** The product that small jobs use in this thread, opened by the first of them. */
  #product: Promise<MatrixProduct> | undefined;
  readonly #small = new Set<Promise<RoundedWeights>>();

  constructor(threads: number = Math.min(availableParallelism(), mostThreads)) {
    this.#most = threads;
  }

  /**
   * As `roundWeights`, in the thread that has least to do; the job's arrays are copied before this returns.
   * @throws StagecoachError INTERNAL when the thread broke.
   */
  round(job: RoundingJob): Promise<RoundedWeights> {
    if (costOf(job) < smallJob) return this.#roundHere(job);
    if (this.#threads.length < this.#most) this.#threads.push(new RoundingThread());
    const idlest = this.#threads.reduce((best, thread) => (thread.queued < best.queued ? thread : best));
    return idlest.round(job);
  }

  /** Ends the threads; what they have not finished fails. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
    await Promise.allSettled(this.#small);
    await (await this.#product)?.close();
  }

  #roundHere({ weight, gram, inputSize }: RoundingJob): Promise<RoundedWeights> {
    this.#product ??= openMatrixProduct();
    const rounded = this.#product.then((product) => roundWeights(weight, gram, inputSize, product));
    this.#small.add(rounded);
    const forget = () => this.#small.delete(rounded);
    rounded.then(forget, forget);
    return rounded;
  }
}

/** Of rounding and of the triangular factor. */
function costOf({ weight, inputSize }: RoundingJob): number {
  return weight.length * inputSize + inputSize ** 3;
}

interface Waiting {
  readonly cost: number;
  resolve(weights: RoundedWeights): void;
  reject(reason: StagecoachError): void;
}

class RoundingThread {
  readonly #worker: Worker = startThread(import.meta.url, "rounding-thread", {});
  readonly #waiting: Waiting[] = [];
  readonly #ended: Promise<void>;
  #failure: StagecoachError | undefined;

  constructor() {
    this.#worker.on("message", (message: FromRounding) => this.#answered(message));
    this.#worker.once("error", (reason) => this.#fail(StagecoachError.from(reason, "INTERNAL")));
    this.#ended = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#fail(new StagecoachError("INTERNAL", "a thread that rounds weights ended"));
        resolve();
      });
    });
  }

  /** Work that is not answered yet, in multiplications. */
  get queued(): number {
    return this.#waiting.reduce((sum, { cost }) => sum + cost, 0);
  }

  round(job: RoundingJob): Promise<RoundedWeights> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ cost: costOf(job), resolve, reject });
      this.#post(job);
    });
  }

  async close(): Promise<void> {
    if (this.#waiting.length > 0) await this.#worker.terminate();
    else this.#post(undefined);
    await this.#ended;
  }

  #answered(message: FromRounding): void {
    const waiting = this.#waiting.shift();
    if (message.kind === "rounded") waiting?.resolve(message.weights);
    else waiting?.reject(new StagecoachError(message.code, message.message));
  }

  #fail(failure: StagecoachError): void {
    this.#failure ??= failure;
    for (const { reject } of this.#waiting.splice(0)) reject(failure);
  }

  #post(message: ToRounding): void {
    this.#worker.postMessage(message);
  }
}
