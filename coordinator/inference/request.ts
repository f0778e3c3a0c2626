/**
 * What a caller may ask of a generation, with its types checked and its values not yet. Fields left out
 * take the model's own defaults, then the server's. Names in messages are the snake_case ones of the APIs.
 */
export interface RequestOptions {
  /** 0 is greedy. Defaults to the model's, else 1. */
  readonly temperature?: number | undefined;
  /** -1 and 0 are off. */
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly minP?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  readonly presencePenalty?: number | undefined;
  readonly frequencyPenalty?: number | undefined;
  /** Added to a token's logit, by token id. */
  readonly logitBias?: ReadonlyMap<number, number> | undefined;
  /** Absent or -1: chosen at random. */
  readonly seed?: number | undefined;
  /** Text that ends generation and is not part of the output. */
  readonly stop?: readonly string[] | undefined;
  readonly stopTokenIds?: readonly number[] | undefined;
  /** Defaults to the rest of the context, or what the endpoint says. */
  readonly maxTokens?: number | undefined;
  /** End tokens, stop tokens and stop texts count only from here on. */
  readonly minTokens?: number | undefined;
  /** Goes on after the model's own end tokens. */
  readonly ignoreEos?: boolean | undefined;
  /** Absent: no log-probabilities. 0: the chosen tokens'. More: so many alternatives too. */
  readonly logprobs?: number | undefined;
}

/** A text to continue: text, or token ids that are fed as they are. */
export type Prompt = string | readonly number[];

/** One completion request. */
export interface GenerateParams {
  /** Absent or empty takes the served model. */
  readonly model?: string | undefined;
  /** Each gets `n` continuations of its own. */
  readonly prompts: readonly Prompt[];
  /** Defaults to 1. */
  readonly n?: number | undefined;
  readonly options: RequestOptions;
  /** Lower goes first. Defaults to 0. */
  readonly priority?: number | undefined;
  /** Whose share of the service it takes; all without one share one. */
  readonly user?: string | undefined;
  /** Used when `options.maxTokens` is absent, cut to the rest of the context. */
  readonly defaultMaxTokens?: number | undefined;
}

/** One message of a chat. */
export interface ChatTurn {
  readonly role: string;
  readonly content: string;
}

/** One chat request. */
export interface ChatParams extends Omit<GenerateParams, "prompts" | "defaultMaxTokens"> {
  readonly messages: readonly ChatTurn[];
}

/** Defaults of the model itself; generationDefaults of its manifest. */
export interface GenerationDefaults {
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly minP?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
}

/** The served model as APIs describe it. */
export interface ServedModel {
  readonly id: string;
  readonly variant: string;
  readonly vocabularySize: number;
  readonly createdUnixSeconds: number;
}
