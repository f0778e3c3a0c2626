import { createUtf8Decoder, type Tokenizer } from "./tokenizer.js";

/** Turns one sequence's tokens into text as they come. */
export interface Detokenizer {
  /** The text that is certain after this token; never half a character. Control tokens add none. */
  push(tokenId: number): string;
  /** What is left at the end: U+FFFD where a character was never finished. The detokenizer is then new again. */
  flush(): string;
}

/**
 * All that is pushed and flushed, put together, is what `decode` makes of all the tokens. A first space that
 * SentencePiece puts before a text stays: text that continues a prompt needs it.
 */
export function createDetokenizer(tokenizer: Tokenizer): Detokenizer {
  const decoder = createUtf8Decoder();
  return {
    push: (tokenId) =>
      tokenizer.isSpecial(tokenId) ? "" : decoder.decode(tokenizer.tokenBytes(tokenId), { stream: true }),
    flush: () => decoder.decode(),
  };
}
