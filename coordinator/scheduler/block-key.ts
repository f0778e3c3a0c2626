import { createHash } from "node:crypto";

/** The key before the first block. */
export const rootKey = "";

/**
 * Names the content of a full block: its tokens and, through the key of the block before, all tokens before
 * them. SHA-256, so that nobody can make two contents with one key and read another's KV.
 */
export function blockKey(before: string, tokens: Uint32Array): string {
  return createHash("sha256")
    .update(before, "latin1")
    .update(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength))
    .digest("binary");
}
