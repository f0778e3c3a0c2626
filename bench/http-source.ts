import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { StagecoachError } from "../common/errors.js";
import type { SourceSampling } from "./grpc-source.js";
import type { TokenSource } from "./load-generator.js";

/**
 * Sends requests to a cluster's OpenAI interface, streamed and going on after end tokens, and yields token ids.
 * @param address `host:port`
 */
export function httpSource(address: string, sampling: SourceSampling = { temperature: 0 }): TokenSource {
  const [host = "", port = ""] = address.split(":");
  const agent = new Agent({ keepAlive: true });
  return async function* ({ promptIds, outputTokens }, signal) {
    const body = {
      prompt: promptIds,
      max_tokens: outputTokens,
      stream: true,
      ignore_eos: true,
      return_token_ids: true,
      temperature: sampling.temperature,
      top_p: sampling.topP,
    };
    const headers = { "content-type": "application/json" };
    const call = request({ host, port, agent, path: "/v1/completions", method: "POST", headers, signal });
    const replied = once(call, "response") as Promise<[IncomingMessage]>;
    call.end(JSON.stringify(body));
    const [reply] = await replied;
    for await (const line of createInterface({ input: reply })) {
      if (reply.statusCode !== 200)
        throw new StagecoachError("UNAVAILABLE", `the cluster answers ${reply.statusCode}: ${line}`);
      yield* tokensOf(line);
    }
  };
}

/** Tokens of a line of an event stream. */
function tokensOf(line: string): readonly number[] {
  if (!line.startsWith("data: {")) return [];
  const { choices, error } = JSON.parse(line.slice("data: ".length)) as {
    choices?: readonly { token_ids?: readonly number[] }[];
    error?: { message: string };
  };
  if (error !== undefined) throw new StagecoachError("UNAVAILABLE", error.message);
  return choices?.[0]?.token_ids ?? [];
}
