import { StagecoachError } from "../../common/errors.js";
import type { Population } from "./population.js";
import { Sequence } from "./sequence.js";
import type { SchedulerOptions, SequenceRequest } from "./types.js";

/**
 * Takes requests into the queue and lets them go. Forks do not queue while the prompt that they share is still
 * to be computed: they are held by its request, and move on when that is done, or take its place when it ends.
 */
export class Admission {
  readonly #population: Population;
  readonly #byRequest = new Map<string, Sequence>();
  #arrivals = 0;
  #held = 0;

  constructor(population: Population) {
    this.#population = population;
  }

  /** Requests that wait, for room or for the prompt that they share. */
  get waitingCount(): number {
    return this.#population.waiting.size + this.#held;
  }

  get live(): Iterable<Sequence> {
    return this.#byRequest.values();
  }

  find(requestId: string): Sequence | undefined {
    return this.#byRequest.get(requestId);
  }

  /**
   * @param places requests that may wait beside `maxWaiting`, for they will soon not wait any more
   * @throws StagecoachError ALREADY_EXISTS for an id in use, RESOURCE_EXHAUSTED when the queue is full,
   * INVALID_ARGUMENT for a fork with another prompt
   */
  add(request: SequenceRequest, options: SchedulerOptions, places: number): void {
    const { requestId } = request;
    if (this.#byRequest.has(requestId)) {
      throw new StagecoachError("ALREADY_EXISTS", `request "${requestId}" is already being served`);
    }
    this.#checkRoom(request.user ?? "", options.maxWaiting, places);
    const origin = this.#originOf(request);
    const sequence = new Sequence(request, this.#arrivals++, options.maxContext);
    this.#byRequest.set(requestId, sequence);
    if (origin === undefined) this.#population.waiting.push(sequence);
    else this.#attach(sequence, origin);
  }

  /** Ends a sequence in whatever state it is. */
  end(sequence: Sequence): void {
    this.#byRequest.delete(sequence.request.requestId);
    const siblings = sequence.origin?.forks;
    const at = siblings?.indexOf(sequence) ?? -1;
    if (at >= 0) {
      siblings?.splice(at, 1);
      this.#held--;
    }
    this.#population.release(sequence);
    this.#promote(sequence.forks);
    sequence.forks = [];
  }

  /** Lets forks queue whose prompt has been sent to the stages. */
  letForksGo(sequences: readonly Sequence[]): void {
    for (const sequence of sequences) {
      if (sequence.forks.length === 0 || sequence.sent < sequence.request.promptIds.length) continue;
      this.#held -= sequence.forks.length;
      for (const fork of sequence.forks) this.#population.waiting.push(fork);
      sequence.forks = [];
    }
  }

  #attach(sequence: Sequence, origin: Sequence): void {
    sequence.origin = origin;
    if (origin.sent >= origin.request.promptIds.length) {
      this.#population.waiting.push(sequence);
      return;
    }
    origin.forks.push(sequence);
    this.#held++;
  }

  /** The first of them computes the prompt for the others. */
  #promote([first, ...others]: readonly Sequence[]): void {
    if (first === undefined) return;
    this.#held -= 1 + others.length;
    first.origin = undefined;
    this.#population.waiting.push(first);
    for (const other of others) this.#attach(other, first);
  }

  #originOf({ requestId, promptIds, forkOf }: SequenceRequest): Sequence | undefined {
    const origin = forkOf === undefined ? undefined : this.#byRequest.get(forkOf);
    if (origin === undefined || samePrompt(origin.request.promptIds, promptIds)) return origin;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `request "${requestId}" is a fork of "${forkOf}" and has another prompt: give the same`,
    );
  }

  #checkRoom(user: string, maxWaiting: number, places: number): void {
    const waits = this.#population.waiting.waitingOf(user) > 0;
    const mayWait = maxWaiting + (waits ? 0 : Math.ceil(maxWaiting / 8));
    if (this.waitingCount < mayWait + places) return;
    throw new StagecoachError(
      "RESOURCE_EXHAUSTED",
      `${this.waitingCount} requests are queued already, ${maxWaiting} may wait: try again later`,
      { details: { maxWaiting } },
    );
  }
}

function samePrompt(one: Uint32Array, other: Uint32Array): boolean {
  if (one === other) return true;
  return one.length === other.length && one.every((token, index) => token === other[index]);
}
