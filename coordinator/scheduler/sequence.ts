import { blockKey, rootKey } from "./block-key.js";
import { ListNode } from "./linked-list.js";
import type { SequenceRequest } from "./types.js";

/** A request on its way: the tokens known so far and what it holds. Only the scheduler changes it. */
export class Sequence {
  readonly request: SequenceRequest;
  /** Whose share of the service it takes. */
  readonly user: string;
  /** Lower goes first. */
  readonly priority: number;
  /** Order of arrival. */
  readonly arrival: number;
  /** Tokens, prompt and output together, at which it ends. */
  readonly maxLength: number;
  /** Order in which sequences were first let in, kept when it is thrown out; below 0 before. */
  rank = -1;
  /** Its id on the stages; 0 while it waits. */
  sequenceId = 0;
  /** Tokens that are in KV or will be when what is in flight has passed; one more than are known where one was sent ahead. */
  scheduled = 0;
  /** `scheduled` as of its last micro-batch that has left: stages have that before they see what is sent now. */
  sent = 0;
  /** Micro-batches in flight that carry a slice of it. */
  inFlight = 0;
  /** Micro-batches in flight that sample a token of it: two where one of them was sent ahead. */
  sampling = 0;
  /** True once a token was sampled since it was opened: from then on it takes one at a time. */
  decoding = false;
  /** Blocks held, in order of position. */
  blocks: number[] = [];
  /** How many of them the stages know. */
  announced = 0;
  /** How many of them came from the prefix cache or a fork's origin. */
  shared = 0;
  /** How many of them the prefix cache has been told of, or knew. */
  learned = 0;
  /** Prompt tokens that were in KV when it was first let in. */
  cachedPromptTokens = 0;
  /** The request of the same prompt whose blocks it starts from. */
  origin: Sequence | undefined;
  /** Forks that wait until its prompt is computed. */
  forks: Sequence[] = [];
  /** Its place among those waiting, prefilling or ready to decode. */
  readonly place: ListNode<Sequence> = new ListNode<Sequence>(this);
  /** Its place among those running, by seniority. */
  readonly age: ListNode<Sequence> = new ListNode<Sequence>(this);
  readonly #keys: string[] = [];
  #tokens: Uint32Array;
  #length: number;

  constructor(request: SequenceRequest, arrival: number, maxContext: number) {
    this.request = request;
    this.user = request.user ?? "";
    this.priority = request.priority ?? 0;
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

  /** The content key of one of its full blocks; see block-key.ts. */
  keyOf(block: number, blockSize: number): string {
    for (let at = this.#keys.length; at <= block; at++) {
      const before = this.#keys[at - 1] ?? rootKey;
      this.#keys.push(blockKey(before, this.tokens(at * blockSize, (at + 1) * blockSize)));
    }
    return this.#keys[block] as string;
  }

  /** Forgets all about the stages; the tokens stay. */
  reset(): void {
    this.sequenceId = 0;
    this.scheduled = 0;
    this.sent = 0;
    this.inFlight = 0;
    this.sampling = 0;
    this.decoding = false;
    this.blocks = [];
    this.announced = 0;
    this.shared = 0;
    this.learned = 0;
  }

  /** Whether it certainly goes on after the one token that is being sampled for it. */
  get goesOn(): boolean {
    return this.sampling === 1 && this.#length + 1 < this.maxLength;
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
