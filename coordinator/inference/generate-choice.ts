import { StagecoachError } from "../../common/errors.js";
import type { Metrics } from "../../common/metrics.js";
import type { SequenceRequest } from "../scheduler/types.js";
import type { FinishReason, GenerationChunk, OutputToken, TakeChunk } from "./generation.js";
import { watchRequest } from "./request-watch.js";
import type { TextStream } from "./text-stream.js";
import type { TokenEvent, TokenPort } from "./types.js";

/** One continuation of one prompt. */
export interface Choice {
  readonly index: number;
  readonly request: SequenceRequest;
  readonly text: TextStream;
  /** Hears of generated tokens, the end token included, and of cached prompt tokens. */
  readonly onTokens: (generated: number, cached: number) => void;
  readonly metrics: Metrics;
  /** `performance.now()` when the request came in. */
  readonly arrivedMs: number;
}

/**
 * Runs one sequence and passes its text on. The last chunk has a finish reason.
 * @throws StagecoachError the signal's reason once it is aborted, else whatever the port ends with, or `take` throws; INTERNAL when the port ends without saying why
 */
export async function generateChoice(
  choice: Choice,
  port: TokenPort,
  signal: AbortSignal,
  take: TakeChunk,
): Promise<void> {
  const { index, request, text, metrics } = choice;
  const watch = watchRequest(metrics, request.promptIds.length, choice.arrivedMs);
  try {
    for await (const event of port.submit(request, signal)) {
      const chunk = chunkOf(event, index, text);
      const generated = event.tokenId !== undefined || event.finished === "stop" ? 1 : 0;
      watch.tokens(generated);
      choice.onTokens(generated, event.cachedTokens ?? 0);
      if (chunk.finishReason !== undefined) watch.finish(chunk.finishReason);
      else if (chunk.text === "" && chunk.tokens.length === 0) continue;
      // Awaiting nothing would still put the next token off.
      const taken = take(chunk);
      if (taken !== undefined) await taken;
      if (chunk.finishReason !== undefined) return;
    }
    throw new StagecoachError(
      "INTERNAL",
      `the pipeline dropped request ${request.requestId} without a reason`,
    );
  } catch (reason) {
    watch.finish(signal.aborted ? "abort" : "error");
    throw signal.aborted ? signal.reason : reason;
  } finally {
    watch.close();
  }
}

function chunkOf(event: TokenEvent, index: number, stream: TextStream): GenerationChunk {
  const tokens = event.tokenId === undefined ? [] : [outputToken(event, event.tokenId)];
  const pushed = event.tokenId === undefined ? { text: "", stopped: false } : stream.push(event.tokenId);
  const finishReason: FinishReason | undefined = pushed.stopped ? "stop" : event.finished;
  if (finishReason === undefined) return { index, text: pushed.text, tokens };
  if (pushed.stopped) return { index, text: pushed.text, tokens, finishReason };
  const rest = stream.end();
  return {
    index,
    text: pushed.text + rest.text,
    tokens,
    finishReason: rest.stopped ? "stop" : finishReason,
  };
}

function outputToken({ logprob, top }: TokenEvent, tokenId: number): OutputToken {
  return { tokenId, ...(logprob !== undefined && { logprob }), ...(top !== undefined && { top }) };
}
