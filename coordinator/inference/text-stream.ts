/** Token ids into text, never half a character; model/tokenizer makes them. */
export interface Detokenizing {
  push(tokenId: number): string;
  /** What is still held back, broken characters replaced. */
  flush(): string;
}

/** Finds stop texts across pushes; text that could be a stop text's beginning is held back. */
export interface StopMatching {
  push(text: string): Stopped;
  flush(): string;
}

/** Text that may be shown, and whether a stop text followed it. */
export interface Stopped {
  readonly text: string;
  readonly stopped: boolean;
}

/** The text of one sequence. */
export interface TextStream {
  push(tokenId: number): Stopped;
  /** After the last token: what was held back. */
  end(): Stopped;
}

/**
 * Puts a detokenizer and a stop matcher together.
 * @param minTokens text of so many first tokens is not searched for stop texts, as vLLM does
 */
export function createTextStream(
  detokenizer: Detokenizing,
  matcher: StopMatching | undefined,
  minTokens: number,
): TextStream {
  let count = 0;
  const match = (text: string): Stopped =>
    matcher === undefined || count <= minTokens ? { text, stopped: false } : matcher.push(text);
  return {
    push: (tokenId) => {
      count++;
      return match(detokenizer.push(tokenId));
    },
    end: () => {
      const { text, stopped } = match(detokenizer.flush());
      return stopped ? { text, stopped } : { text: text + (matcher?.flush() ?? ""), stopped };
    },
  };
}
