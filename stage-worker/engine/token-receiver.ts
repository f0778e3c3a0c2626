import { StagecoachError } from "../../common/errors.js";
import { decodeTokens, type SampledToken } from "../../common/token-codec.js";
import type { MessageParts } from "../../common/wire/encode-message.js";
import { readOutputBytes } from "../../common/wire/frame-bytes.js";
import { connectOutputs } from "../../common/wire/link-connection.js";
import type { StageTarget } from "./engine-messages.js";
import { LinkListener } from "./link-listener.js";
import { PortListener } from "./port-listener.js";

/** What a token receiver works with. */
export interface TokenReceiverOptions {
  readonly epoch: number;
  /** What the last stage sampled in one step, in the order of steps. */
  readonly onTokens: (tokens: readonly SampledToken[]) => void;
  /** Tokens may be lost. */
  readonly onBroken: (reason: StagecoachError) => void;
}

/** The way of sampled tokens into the first stage's engine; see TokenSender for its other end. */
export class TokenReceiver {
  readonly #options: TokenReceiverOptions;
  readonly #listener: LinkListener | PortListener;

  /** Resolves with undefined where the last stage cannot be reached, which then sends nothing here. */
  static async open(target: StageTarget, options: TokenReceiverOptions): Promise<TokenReceiver | undefined> {
    if ("here" in target)
      return new TokenReceiver(options, (events) => new PortListener(target.here, events));
    const socket = await connectOutputs(target);
    if (socket === undefined) return undefined;
    return new TokenReceiver(
      options,
      ({ onFrame, ...events }) =>
        new LinkListener(socket, { ...events, onFrame: (bytes) => onFrame([bytes]), mayTake: () => true }),
    );
  }

  private constructor(
    options: TokenReceiverOptions,
    listen: (events: ConstructorParameters<typeof PortListener>[1]) => LinkListener | PortListener,
  ) {
    this.#options = options;
    this.#listener = listen({
      onFrame: (parts) => this.#hear(parts),
      onEnd: () => options.onBroken(lost("it ended")),
      onBroken: ({ message, cause }) => options.onBroken(lost(message, cause)),
    });
  }

  close(): void {
    this.#listener.close();
  }

  #hear([bytes]: MessageParts): void {
    this.#listener.resume();
    try {
      this.#options.onTokens(this.#read(bytes));
    } catch (reason) {
      this.close();
      this.#options.onBroken(StagecoachError.from(reason));
    }
  }

  #read(bytes: Uint8Array): SampledToken[] {
    const { epoch, payload, tokens } = readOutputBytes(bytes);
    if (epoch !== this.#options.epoch || payload !== "tokens" || !tokens) {
      throw new StagecoachError(
        "INVALID_ARGUMENT",
        `the last stage sent ${payload} of epoch ${epoch} where tokens of epoch ${this.#options.epoch} were due`,
      );
    }
    return decodeTokens(tokens);
  }
}

function lost(why: string, cause?: unknown): StagecoachError {
  return new StagecoachError("UNAVAILABLE", `lost the link for tokens from the last stage: ${why}`, {
    cause,
  });
}
