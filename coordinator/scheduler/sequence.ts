import { ListNode } from "./linked-list.js";
import type { SequenceRequest } from "./types.js";

/** A request on its way: the tokens known so far and what it holds. Only the scheduler changes it. */
export class Sequence {
  readonly request: SequenceRequest;
  /** Rank by arrival; lower goes first. */
  readonly arrival: number;
  /** Tokens, prompt and output together, at which it ends. */
  readonly maxLength: number;
  /** Its id on the stages; 0 while it waits. */
  sequenceId = 0;
  /** Known tokens that are in KV or will be when what is in flight has passed. */
  scheduled = 0;
  /** Micro-batches in flight that carry a slice of it. */
  inFlight = 0;
  /** The lane that samples its next token; undefined when none does. */
  samplingLane: number | undefined;
  /** True once a token was sampled since it was opened: from then on it takes one at a time. */
  decoding = false;
  /** Blocks held, in order of position. */
  blocks: number[] = [];
  /** How many of them the stages know. */
  announced = 0;
  /** Its place among those waiting, prefilling or ready to decode. */
  readonly place: ListNode<Sequence> = new ListNode<Sequence>(this);
  /** Its place among those running, by age. */
  readonly age: ListNode<Sequence> = new ListNode<Sequence>(this);
  #tokens: Uint32Array;
  #length: number;

  constructor(request: SequenceRequest, arrival: number, maxContext: number) {
    this.request = request;
    this.arrival = arrival;
    this.maxLength = Math.min(request.promptIds.length + request.maxTokens, maxContext);
    this.#tokens = request.promptIds;
    this.#length = request.promptIds.length;
  }

  /** Tokens known: prompt and generated. */
  get length(): number {
    return this.#length;
  }

  /** A view of known tokens; it stays valid, for tokens are only ever appended. */
  tokens(from: number, to: number): Uint32Array {
    return this.#tokens.subarray(from, to);
  }

  /** Forgets all about the stages; the tokens stay. */
  reset(): void {
    this.sequenceId = 0;
    this.scheduled = 0;
    this.inFlight = 0;
    this.samplingLane = undefined;
    this.decoding = false;
    this.blocks = [];
    this.announced = 0;
  }

  append(tokenId: number): void {
    if (this.#length === this.#tokens.length) {
      const capacity = Math.min(this.maxLength, this.#length + Math.max(64, this.#length >> 1));
      const grown = new Uint32Array(capacity);
      grown.set(this.#tokens);
      this.#tokens = grown;
    }
    this.#tokens[this.#length++] = tokenId;
  }
}
