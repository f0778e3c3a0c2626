/** A token as far as its role in ending a generation is concerned. */
export interface NamedToken {
  readonly id: number;
  readonly text: string;
  /** True for tokens that their vocabulary marks as more than ordinary text. */
  readonly marked: boolean;
}

// Texts that end a generation whatever the file says. Many files name only one end token and mean several,
// so llama.cpp goes by text (src/llama-vocab.cpp), and so do we: same model, same end, from either kind of source.
const unmistakable = new Set([
  "<|eot_id|>",
  "<|eom_id|>",
  "<|im_end|>",
  "<|end|>",
  "<|return|>",
  "<|call|>",
  "<|calls|>",
  "<|flush|>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<end_of_turn>",
  "<turn|>",
  "<|tool_response>",
  "<end_of_utterance>",
  "<｜end▁of▁sentence｜>",
  "<|fim_pad|>",
  "<|fim_repo|>",
  "<|repo_name|>",
  "<reponame>",
  "<|file_sep|>",
]);

// These might be ordinary text in some vocabulary (`</s>` strikes out in HTML), so they must be marked.
const onlyWhenMarked = new Set([
  "</s>",
  "<eos>",
  "[EOS]",
  "<EOT>",
  "_<EOT>",
  "[EOT]",
  "<fim-pad>",
  "<fim_pad>",
  "<PAD>",
  "[PAD]",
  "<fim-repo>",
  "<REPO>",
]);

/**
 * Ids of tokens that end a generation by their text, ascending. `declared` are those that the model names;
 * they are part of the result.
 */
export function endTokenIds(tokens: Iterable<NamedToken>, declared: Iterable<number>): number[] {
  const byText = new Map<string, number>();
  for (const token of tokens) if (endsByText(token)) byText.set(token.text, token.id);
  // A harmony vocabulary closes every message with <|end|>; only these others close the turn.
  const closesTurn = byText.has("<|call|>") || byText.has("<|calls|>");
  if (closesTurn && (byText.has("<|return|>") || byText.has("<|flush|>"))) byText.delete("<|end|>");
  if (byText.has("<|tool_response>")) byText.delete("</s>");
  return [...new Set([...byText.values(), ...declared])].sort((left, right) => left - right);
}

/** Whether a token must be treated as a control token even where its vocabulary calls it ordinary. */
export function endsByText(token: NamedToken): boolean {
  return unmistakable.has(token.text) || (token.marked && onlyWhenMarked.has(token.text));
}
