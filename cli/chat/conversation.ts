import type { ChatMessage } from "../../proto/gen/stagecoach/v1/ChatMessage.js";
import type { SamplingOptions } from "../../proto/gen/stagecoach/v1/SamplingOptions.js";
import { type Client, replies } from "../client.js";

/** How a conversation is held. */
export interface ConversationOptions {
  readonly client: Client;
  /** Empty takes the model that is served. */
  readonly model: string;
  /** Said to the model before everything else. */
  readonly system: string | undefined;
  readonly options: SamplingOptions;
}

/** A chat that remembers what was said. */
export class Conversation {
  readonly #setup: ConversationOptions;
  #messages: ChatMessage[] = [];

  constructor(setup: ConversationOptions) {
    this.#setup = setup;
    this.clear();
  }

  /** Forgets all but the system message. */
  clear(): void {
    const { system } = this.#setup;
    this.#messages = system === undefined ? [] : [{ role: "system", content: system }];
  }

  /**
   * Says something and gives the answer bit by bit. An answer that is interrupted is remembered as far as
   * it came; a question that failed is forgotten.
   */
  async *ask(content: string, signal: AbortSignal): AsyncIterable<string> {
    const { client, model, options } = this.#setup;
    const messages = [...this.#messages, { role: "user", content }];
    let answer = "";
    for await (const reply of replies(client, client.inference.chat({ model, messages, options }), signal)) {
      answer += reply.text;
      yield reply.text;
    }
    this.#messages = [...messages, { role: "assistant", content: answer }];
  }
}
