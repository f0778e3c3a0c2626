import { StagecoachError } from "../common/errors.js";

/** Longest text taken from stdin. */
const maxBytes = 16 * 1024 * 1024;

/**
 * All of stdin as text.
 * @throws StagecoachError INVALID_ARGUMENT when it is too long or no UTF-8
 */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) {
      throw new StagecoachError("INVALID_ARGUMENT", `stdin is over ${maxBytes} bytes: give a shorter prompt`);
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      "stdin is not UTF-8 text: convert it first, e.g. with iconv",
      { cause },
    );
  }
}
