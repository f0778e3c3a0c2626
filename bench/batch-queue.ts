/** What is asked of a model: a prompt and how many tokens shall follow it, at least one. */
export interface BatchRequest {
  readonly promptIds: readonly number[];
  readonly outputTokens: number;
}

/** Tokens of one sequence at consecutive positions, part of a batch. */
export interface BatchSlice {
  readonly sequence: number;
  /** Of the first token. */
  readonly position: number;
  readonly tokens: readonly number[];
  /** Whether the token after the last one is wanted. */
  readonly samples: boolean;
}

/** A token that a batch gave to a request. */
export interface GeneratedToken<Request> {
  readonly request: Request;
  readonly token: number;
  /** Whether it was the request's last one, so that what the sequence holds can go. */
  readonly last: boolean;
  readonly sequence: number;
}

/** Sizes of the batches. */
export interface BatchLimits {
  /** Requests at work at once. */
  readonly sequences: number;
  /** Tokens of a batch; at least one for each sequence. */
  readonly batchTokens: number;
}

interface Running<Request> {
  readonly request: Request;
  readonly sequence: number;
  /** Tokens that the model holds of it. */
  heldTokens: number;
  readonly generated: number[];
}

/**
 * Continuous batching as llama.cpp's server does it: a batch holds the newest token of every sequence that decodes,
 * then prompts in order of arrival, the last one cut where the batch is full. Does no I/O: `next` says what to
 * compute, `take` hears what came of it.
 */
export class BatchQueue<Request extends BatchRequest> {
  readonly #waiting: Request[] = [];
  /** In order of arrival. */
  #running: Running<Request>[] = [];
  #batch: readonly BatchSlice[] = [];
  readonly #idle: number[];
  readonly #batchTokens: number;

  constructor({ sequences, batchTokens }: BatchLimits) {
    this.#idle = Array.from({ length: sequences }, (_, sequence) => sequence);
    this.#batchTokens = Math.max(batchTokens, sequences);
  }

  /** Lets a request wait for a sequence. */
  add(request: Request): void {
    this.#waiting.push(request);
  }

  /** The next batch, in order of sequences; empty when nothing is to be done. */
  next(): readonly BatchSlice[] {
    this.#admit();
    const decoding = this.#running.filter(({ generated }) => generated.length > 0);
    const slices = decoding.map(({ sequence, heldTokens, generated }) => ({
      sequence,
      position: heldTokens,
      tokens: generated.slice(-1),
      samples: true,
    }));
    let room = this.#batchTokens - slices.length;
    for (const { request, sequence, heldTokens, generated } of this.#running) {
      if (generated.length > 0) continue;
      if (room === 0) break;
      const tokens = request.promptIds.slice(heldTokens, heldTokens + room);
      const samples = heldTokens + tokens.length === request.promptIds.length;
      slices.push({ sequence, position: heldTokens, tokens, samples });
      room -= tokens.length;
    }
    // llama.cpp computes together only what has ascending neighbouring sequences.
    this.#batch = slices.sort((a, b) => a.sequence - b.sequence);
    return this.#batch;
  }

  /** Takes what the last batch gave: a token for each slice that sampled, in their order. */
  take(sampled: readonly number[]): GeneratedToken<Request>[] {
    const bySequence = new Map(this.#running.map((each) => [each.sequence, each]));
    const tokens = sampled.values();
    const generated: GeneratedToken<Request>[] = [];
    for (const slice of this.#batch) {
      const running = bySequence.get(slice.sequence) as Running<Request>;
      running.heldTokens += slice.tokens.length;
      if (!slice.samples) continue;
      const token = tokens.next().value as number;
      running.generated.push(token);
      const { request, sequence } = running;
      generated.push({ request, token, last: isComplete(running), sequence });
    }
    this.#batch = [];
    this.#idle.push(...this.#running.filter(isComplete).map(({ sequence }) => sequence));
    this.#running = this.#running.filter((each) => !isComplete(each));
    return generated;
  }

  #admit(): void {
    this.#idle.sort((a, b) => a - b);
    while (this.#waiting.length > 0 && this.#idle.length > 0) {
      const request = this.#waiting.shift() as Request;
      const sequence = this.#idle.shift() as number;
      this.#running.push({ request, sequence, heldTokens: 0, generated: [] });
    }
  }
}

function isComplete({ request, generated }: Running<BatchRequest>): boolean {
  return generated.length >= request.outputTokens;
}
