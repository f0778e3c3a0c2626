/**
 * A tokenizer in a form that is stored beside the model: the JSON that Hugging Face's tokenizers read
 * (`tokenizer.json`), whatever the source, and the ids that matter to a server.
 */
export interface TokenizerSpec {
  /** The contents of a `tokenizer.json`. */
  readonly tokenizerJson: Record<string, unknown>;
  /** The start token, where the model has one. */
  readonly bosTokenId?: number;
  /** Put before a raw prompt by the model's own rules. */
  readonly addBos: boolean;
  /** Any of these ends a generation. */
  readonly endTokenIds: readonly number[];
  /** Text of special tokens by name, as chat templates use them: bos_token, eos_token, unk_token, pad_token. */
  readonly specialTokens: Readonly<Record<string, string>>;
}
