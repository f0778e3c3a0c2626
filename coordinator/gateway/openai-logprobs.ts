import type { OutputToken } from "../inference/generation.js";

/** What a token looks like to people. */
export interface TokenFace {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** Looks up a token's face by id. */
export type FaceOf = (tokenId: number) => TokenFace;

/** Stands in for minus infinity, which JSON lacks; vLLM's choice. */
const leastLogprob = -9999;

/** One entry of a chat's `logprobs.content`. */
export interface ChatLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
  readonly top_logprobs?: readonly Omit<ChatLogprob, "top_logprobs">[];
}

/** A chat's `logprobs`. */
export function chatLogprobs(
  tokens: readonly OutputToken[],
  faceOf: FaceOf,
): { content: ChatLogprob[]; refusal: null } {
  const entry = (tokenId: number, logprob: number | undefined) => {
    const { text, bytes } = faceOf(tokenId);
    return { token: text, logprob: finite(logprob), bytes: [...bytes] };
  };
  const content = tokens.map(({ tokenId, logprob, top = [] }) => ({
    ...entry(tokenId, logprob),
    top_logprobs: top.map((other) => entry(other.tokenId, other.logprob)),
  }));
  return { content, refusal: null };
}

/** A completion's `logprobs`: parallel lists. */
export interface CompletionLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: number[];
  readonly top_logprobs: Record<string, number>[];
  /** Where each token's text begins in the text generated, UTF-16 units. */
  readonly text_offset: number[];
}

/** @param offset length of the text of the tokens before */
export function completionLogprobs(
  tokens: readonly OutputToken[],
  faceOf: FaceOf,
  offset: number,
): { logprobs: CompletionLogprobs; endOffset: number } {
  const logprobs: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  let endOffset = offset;
  for (const { tokenId, logprob, top = [] } of tokens) {
    const face = faceOf(tokenId);
    logprobs.tokens.push(label(face));
    logprobs.token_logprobs.push(finite(logprob));
    logprobs.top_logprobs.push(
      Object.fromEntries(top.map((other) => [label(faceOf(other.tokenId)), finite(other.logprob)])),
    );
    logprobs.text_offset.push(endOffset);
    endOffset += face.text.length;
  }
  return { logprobs, endOffset };
}

/** A token that is no whole character by its bytes, so that two such tokens keep different names. */
function label({ text, bytes }: TokenFace): string {
  if (!text.includes("\uFFFD")) return text;
  return `bytes:${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}`;
}

function finite(logprob: number | undefined): number {
  return logprob === undefined || !(logprob > leastLogprob) ? leastLogprob : logprob;
}
