import type { Socket } from "node:net";
import { StagecoachError } from "../../common/errors.js";
import type { SampledToken } from "../../common/token-codec.js";
import type { MessageParts } from "../../common/wire/encode-message.js";
import { frameBytes, frameParts, joined, outputParts } from "../../common/wire/frame-bytes.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import { EngineLoop } from "./engine-loop.js";
import {
  type EngineNews,
  type EngineThreadData,
  failureOf,
  type LinkListen,
  maxFramesAtEngine,
  type StageTarget,
} from "./engine-messages.js";
import { LinkDoor, type LinkGuest } from "./link-door.js";
import { LinkListener } from "./link-listener.js";
import { LinkSender } from "./link-sender.js";
import { OutputSender } from "./output-sender.js";
import type { PortEnd } from "./port-link.js";
import { PortListener } from "./port-listener.js";
import { SharedCount } from "./shared-count.js";
import { SharedStats } from "./shared-stats.js";
import { StageFlow } from "./stage-flow.js";
import type { StageRunner } from "./stage-runner.js";
import { TokenReceiver } from "./token-receiver.js";
import { TokenSender } from "./token-sender.js";

/** Results that may be on their way out, by the host or over a link. */
const maxUnsent = { byHost: 2, direct: 1 };

/** What a stage's engine works with. */
export interface StageEngineOptions extends EngineThreadData {
  readonly runner: StageRunner;
  readonly clockUs: () => number;
  readonly wallUs: () => number;
  /** Tells the host. Memory of the news' bytes is the host's then. */
  readonly tell: (news: EngineNews) => void;
  /** The engine itself broke. */
  readonly onDefect: (reason: unknown) => void;
}

/** All that lives in an engine's thread: frames come in by the host or a link, are computed, and leave again. */
export class StageEngine {
  readonly #options: StageEngineOptions;
  readonly #flow: StageFlow;
  readonly #loop: EngineLoop;
  readonly #departures: SharedCount;
  readonly #taken: SharedCount;
  readonly #sender: LinkSender;
  readonly #outputs: OutputSender;
  readonly #tokens: TokenSender;
  readonly #door: LinkDoor | undefined;
  #listener: LinkListener | PortListener | undefined;
  #tokenReceiver: TokenReceiver | undefined;
  #source: "none" | "host" | "link" = "none";
  #failed = false;

  constructor(options: StageEngineOptions) {
    this.#options = options;
    this.#departures = new SharedCount(options.departures);
    this.#taken = new SharedCount(options.taken);
    this.#sender = this.#makeSender();
    this.#outputs = this.#makeOutputs();
    this.#tokens = new TokenSender((reason) => this.#fail(reason));
    this.#door = options.listen && new LinkDoor(this.#guests(options.listen));
    this.#flow = new StageFlow(options.place, {
      submit: (message) => this.#inLoop(this.#loop.receive(message)),
      sendNext: (frame) => this.#sender.send(ownParts(frame)),
      sendOutput: (output, counted) => this.#outputs.send(outputParts(output), counted),
      sendTokens: (output) => this.#tokens.send(output),
      onFailure: (failure) => options.tell({ kind: "sequencesFailed", failure }),
      nothingToSend: () => this.#left(),
      onTaken: () => this.#onTaken(),
      onDrained: () => {
        this.#sender.end();
        options.tell({ kind: "drained" });
      },
    });
    this.#loop = new EngineLoop({
      runner: options.runner,
      stats: new SharedStats(options.stats),
      departures: this.#departures,
      maxUnsent: () => (this.#sender.direct || this.#outputs.direct ? maxUnsent.direct : maxUnsent.byHost),
      emit: (result) => this.#guard(() => this.#flow.passOn(result)),
      clockUs: options.clockUs,
      wallUs: options.wallUs,
    });
  }

  /** Lets links come; resolves with their port, 0 when there is none. */
  async listen(): Promise<number> {
    const { listen } = this.#options;
    return listen === undefined ? 0 : ((await this.#door?.listen(listen.host)) ?? 0);
  }

  /** Takes a frame that came by the host. */
  takeFrame(bytes: Uint8Array, postedAtUs: number): void {
    this.#source = "host";
    this.#guard(() => this.#flow.accept([bytes], postedAtUs));
  }

  /** The host's frames are over. */
  endFrames(): void {
    this.#guard(() => this.#flow.end());
  }

  /** Results have left by the host. */
  departed(): void {
    this.#inLoop(this.#loop.receive({ kind: "departed" }));
  }

  takeWay(target: StageTarget | undefined): void {
    this.#inLoop(this.#sender.takeWay(target));
  }

  /** Takes frames from another engine of this process; closes the port where they come otherwise. */
  takePort(end: PortEnd): void {
    if (!this.#takeLink()) {
      end.port.close();
      return;
    }
    this.#listener = new PortListener(end, {
      onFrame: (parts) => this.#guard(() => this.#flow.accept(parts)),
      onEnd: () => this.endFrames(),
      onBroken: (reason) => this.#fail(reason),
    });
  }

  /** Has tokens come from the last stage, for steps that are sent ahead of them, and tells whether they do. */
  takeTokens(target: StageTarget): void {
    const options = {
      epoch: this.#options.place.epoch,
      onTokens: (tokens: readonly SampledToken[]) =>
        this.#inLoop(this.#loop.receive({ kind: "tokens", tokens })),
      onBroken: (reason: StagecoachError) => this.#fail(reason),
    };
    const opening = TokenReceiver.open(target, options).then((receiver) => {
      if (this.#failed) receiver?.close();
      this.#tokenReceiver = receiver;
      if (receiver !== undefined) this.#loop.followTokens();
      this.#options.tell({ kind: "tokensLinked", linked: receiver !== undefined });
    });
    this.#inLoop(opening);
  }

  /** Gives tokens to the first stage's engine, in this process. */
  giveTokens(end: PortEnd): void {
    this.#tokens.takePort(end);
  }

  /** Resolves when nothing is computed any more and everything is freed. */
  async stop(): Promise<void> {
    this.#failed = true;
    this.#door?.close();
    this.#listener?.close();
    this.#sender.close();
    this.#outputs.close();
    this.#tokens.close();
    this.#tokenReceiver?.close();
    await this.#loop.stop();
    await this.#options.runner.close();
  }

  #makeSender(): LinkSender {
    const { tell, place } = this.#options;
    return new LinkSender({
      address: place.nextAddress,
      onFirst: () => tell({ kind: "whichWay" }),
      sendByHost: (parts) => tell({ kind: "next", bytes: joined(parts) }),
      onLeft: () => this.#left(),
      onBroken: (reason) => this.#fail(reason),
    });
  }

  #makeOutputs(): OutputSender {
    const { tell } = this.#options;
    return new OutputSender({
      sendByHost: (parts, counted) => tell({ kind: "output", bytes: joined(parts), counted }),
      onLeft: () => this.#left(),
      onBroken: (reason) => this.#fail(reason),
    });
  }

  #guests({ framesToken, outputsToken, tokensToken }: LinkListen): LinkGuest[] {
    const guests: LinkGuest[] = [{ token: framesToken, welcome: (socket) => this.#takeFrames(socket) }];
    for (const [token, sender] of [
      [outputsToken, this.#outputs],
      [tokensToken, this.#tokens],
    ] as const) {
      if (token !== undefined) guests.push({ token, welcome: (socket) => sender.takeLink(socket, token) });
    }
    return guests;
  }

  #takeFrames(socket: Socket): boolean {
    if (!this.#takeLink()) return false;
    this.#listener = new LinkListener(socket, {
      onFrame: (bytes) => this.#guard(() => this.#flow.accept([bytes])),
      mayTake: () => this.#flow.waiting < maxFramesAtEngine,
      onEnd: () => this.endFrames(),
      onBroken: (reason) => this.#fail(reason),
    });
    return true;
  }

  /** Whether frames may come over a link from now on. */
  #takeLink(): boolean {
    if (this.#source !== "none" || this.#failed) return false;
    this.#source = "link";
    this.#options.tell({ kind: "linked" });
    return true;
  }

  #onTaken(): void {
    if (this.#source === "link") this.#listener?.resume();
    else if (this.#taken.add()) this.#options.tell({ kind: "taken" });
  }

  #left(): void {
    if (this.#departures.add()) this.departed();
  }

  /** Runs a step of the flow; what it throws fails the stage, and nothing is taken or sent afterwards. */
  #guard(step: () => void): void {
    if (this.#failed) return;
    try {
      step();
    } catch (reason) {
      this.#fail(StagecoachError.from(reason));
    }
  }

  #fail(reason: StagecoachError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.tell({ kind: "failed", failure: failureOf(reason), step: this.#flow.step });
  }

  #inLoop(work: Promise<void>): void {
    work.catch((reason: unknown) => this.#options.onDefect(reason));
  }
}

/** A Frame's pieces, of which a second one is an activation that was made for it; others may hold what came. */
function ownParts(frame: Frame): MessageParts {
  return frame.forward ? frameParts(frame) : [frameBytes(frame)];
}
