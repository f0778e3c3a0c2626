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

/** A request that was found valid. Iterating runs it; ending the iteration early frees what it holds. */
export interface Generation extends AsyncIterable<GenerationChunk> {
  /** Unique for ever. */
  readonly requestId: string;
  readonly promptIds: readonly Uint32Array[];
  readonly choiceCount: number;
  usage(): Usage;
}
