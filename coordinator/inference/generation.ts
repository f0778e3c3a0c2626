/** One token of the output. */
export interface OutputToken {
  readonly tokenId: number;
  /** Natural log, before temperature; only when the request wants log-probabilities. */
  readonly logprob?: number;
  /** The best alternatives, as many as were asked for. */
  readonly top?: readonly { readonly tokenId: number; readonly logprob: number }[];
}

/** Why a sequence ended: an end token or stop text, or its length. */
export type FinishReason = "stop" | "length";

/** What is new of one continuation. Text may lag behind tokens, while it could still become a stop text. */
export interface GenerationChunk {
  /** Which continuation: `prompt * n + i`. */
  readonly index: number;
  readonly text: string;
  readonly tokens: readonly OutputToken[];
  /** With the continuation's last chunk. */
  readonly finishReason?: FinishReason;
}

/** Tokens of a whole request so far. */
export interface Usage {
  /** Each prompt once, however many continuations it has. */
  readonly promptTokens: number;
  /** As vLLM counts: the end token is one of them. */
  readonly completionTokens: number;
  /** Prompt tokens that came from the prefix cache. */
  readonly cachedTokens: number;
}

/** Takes what is new; a promise holds back what comes next of the same continuation. */
export type TakeChunk = (chunk: GenerationChunk) => void | Promise<void>;

/** A request that was found valid. */
export interface Generation {
  /** Unique for ever. */
  readonly requestId: string;
  readonly promptIds: readonly Uint32Array[];
  readonly choiceCount: number;
  usage(): Usage;
  /**
   * Runs it, once, until every continuation has ended. A throw of `take` ends it early and frees what it holds.
   * @throws what `take` throws, the signal's reason once it is aborted, else what TokenPort.submit throws
   */
  run(take: TakeChunk): Promise<void>;
}
