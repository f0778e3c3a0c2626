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
  /** Whether the decoder may hold the beginning of a character. */
  let pending = false;
  return {
    push: (tokenId) => {
      if (tokenizer.isSpecial(tokenId)) return "";
      const whole = tokenizer.wholeText(tokenId);
      if (whole !== undefined && !pending) return whole;
      // Nothing, whole as it is, leaves what is held where it is.
      if (whole !== "") pending = whole === undefined;
      return decoder.decode(tokenizer.tokenBytes(tokenId), { stream: true });
    },
    flush: () => {
      pending = false;
      return decoder.decode();
    },
  };
}
