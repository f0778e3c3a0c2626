import { setImmediate as nextTurn } from "node:timers/promises";
import { AsyncQueue } from "../common/async-queue.js";
import { StagecoachError } from "../common/errors.js";
import { type BatchLimits, BatchQueue, type BatchRequest } from "./batch-queue.js";
import type { Batches } from "./llama-batches.js";

interface Sent extends BatchRequest {
  readonly tokens: AsyncQueue<number>;
}

/** Serves requests that come at any time with one batch after another, as long as there are any. */
export class BatchLoop {
  readonly #batches: Batches;
  readonly #queue: BatchQueue<Sent>;
  readonly #unfinished = new Set<Sent>();
  #isRunning = false;

  constructor(batches: Batches, limits: BatchLimits) {
    this.#batches = batches;
    this.#queue = new BatchQueue(limits);
  }

  /**
   * A request's tokens, each when its batch is done.
   * @throws StagecoachError when a batch failed; the loop is of no use then
   */
  generate({ promptIds, outputTokens }: BatchRequest): AsyncIterable<number> {
    const sent = { promptIds, outputTokens, tokens: new AsyncQueue<number>() };
    this.#unfinished.add(sent);
    this.#queue.add(sent);
    if (!this.#isRunning) void this.#run();
    return sent.tokens;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#unfinished.size > 0) {
        // Who got a last token sends the next request now, in time for the next batch.
        await nextTurn();
        await this.#step();
      }
    } catch (reason) {
      for (const { tokens } of this.#unfinished) tokens.fail(StagecoachError.from(reason, "INTERNAL"));
      this.#unfinished.clear();
    } finally {
      this.#isRunning = false;
    }
  }

  async #step(): Promise<void> {
    const sampled = await this.#batches.compute(this.#queue.next());
    for (const { request, token, last, sequence } of this.#queue.take(sampled)) {
      request.tokens.push(token);
      if (!last) continue;
      request.tokens.end();
      this.#unfinished.delete(request);
      this.#batches.clear(sequence);
    }
  }
}
