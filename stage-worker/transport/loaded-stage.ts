import { randomBytes } from "node:crypto";
import { codeNumber, StagecoachError } from "../../common/errors.js";
import type { Logger } from "../../common/log.js";
import type { LinkTarget } from "../../common/wire/link-connection.js";
import { linkTokenBytes } from "../../common/wire/link-framing.js";
import type { LinkPurpose__Output } from "../../proto/gen/stagecoach/v1/LinkPurpose.js";
import type { RunnerSpec } from "../engine/create-runner.js";
import { EngineHost } from "../engine/engine-host.js";
import type { EngineNews, LinkListen } from "../engine/engine-messages.js";
import type { PortEnd } from "../engine/port-link.js";
import type { EngineStats } from "../engine/shared-stats.js";
import { NextStage } from "./next-stage.js";
import { OutputChannel } from "./output-channel.js";
import { type Neighbour, type TargetsOptions, targetOfFrames, targetOfTokens } from "./stage-targets.js";

/** A stage's place in the pipeline of one epoch. */
export interface StagePlace {
  readonly epoch: number;
  readonly stageIndex: number;
  readonly stageCount: number;
  readonly firstLayer: number;
  readonly endLayer: number;
  /** host:port; empty for the last stage. */
  readonly nextAddress: string;
}

/** Where a stage's frames come from, as far as it is needed. */
export interface FrameSource {
  /** Asks for no more frames, or for more again. */
  pause(): void;
  resume(): void;
  /** Ends the caller's stream with an error. */
  refuse(reason: StagecoachError): void;
}

/** What a loaded stage works with. */
export interface LoadedStageOptions extends TargetsOptions {
  readonly place: StagePlace;
  readonly spec: RunnerSpec;
  /** The form that a GPU holds weights in, for people; empty where the device takes blobs as they are. */
  readonly weights: string;
  /** Hears once when the stage can no longer serve. */
  readonly onFailed: (reason: StagecoachError) => void;
  readonly log: Logger;
}

/**
 * One epoch's stage, as the gRPC thread sees it. Frames and outputs pass here as bytes; what they mean is the
 * engine's business (see StageFlow). Where links can be had they do not even pass here: they go
 * from one engine's thread to the next, from the coordinator and to it.
 *
 * What breaks more than a micro-batch (a gap in the steps, a lost neighbour, the engine) fails the stage: a
 * StageFailure without ids.
 */
export class LoadedStage implements Neighbour {
  readonly place: StagePlace;
  readonly outputs = new OutputChannel();
  readonly #options: LoadedStageOptions;
  readonly #next: NextStage | undefined;
  readonly #tokens: Record<LinkPurpose__Output, Uint8Array>;
  #engine!: EngineHost;
  #source: FrameSource | "link" | undefined;
  #onDrained: (() => void) | undefined;
  #onTokensLinked: ((linked: boolean) => void) | undefined;
  #failure: StagecoachError | undefined;
  #lastStats: EngineStats | undefined;

  /**
   * Opens the engine.
   * @throws StagecoachError what the runner cannot be made for, or the signal's reason
   */
  static async open(options: LoadedStageOptions, signal: AbortSignal): Promise<LoadedStage> {
    const stage = new LoadedStage(options);
    const { spec, place, linkHost } = options;
    const listeners = {
      onNews: (news: EngineNews) => stage.#hear(news),
      onBroken: (reason: StagecoachError) => stage.fail(reason),
    };
    try {
      const engine = { spec, place, ...(linkHost !== undefined && { listen: stage.#listen(linkHost) }) };
      stage.#engine = await EngineHost.start(engine, listeners, signal);
      return stage;
    } catch (reason) {
      stage.#next?.close();
      throw reason;
    }
  }

  private constructor(options: LoadedStageOptions) {
    this.#options = options;
    this.place = options.place;
    this.#tokens = { LINK_FRAMES: newToken(), LINK_OUTPUTS: newToken(), LINK_TOKENS: newToken() };
    const { nextAddress } = options.place;
    if (nextAddress !== "") this.#next = new NextStage(nextAddress, (reason) => this.fail(reason));
  }

  get blockCount(): number {
    return this.#engine.blockCount;
  }

  get weightBytes(): number {
    return this.#engine.weightBytes;
  }

  get beginsInsideBlocks(): boolean {
    return this.#engine.beginsInsideBlocks;
  }

  /** For people; see StageRunner. */
  get memoryUse(): string | undefined {
    return this.#engine.memoryUse;
  }

  get weights(): string {
    return this.#options.weights;
  }

  get stats(): EngineStats {
    return this.#lastStats ?? this.#engine.stats();
  }

  /** Has frames come from another engine of this process. */
  takePort(end: PortEnd): void {
    this.#engine.takePort(end);
  }

  /**
   * Has tokens come straight from the last stage; false where they cannot. To be settled before the first frame.
   * @throws StagecoachError the reason for which this stage failed
   */
  async takeTokens(address: string): Promise<boolean> {
    const target = await targetOfTokens(this.#options, address, this.place.epoch);
    if (this.#failure !== undefined) throw this.#failure;
    if (target === undefined) return false;
    const linked = new Promise<boolean>((resolve) => {
      this.#onTokensLinked = resolve;
    });
    this.#engine.takeTokens(target);
    return await linked;
  }

  /** Gives tokens to the first stage, an engine of this process. */
  giveTokens(end: PortEnd): void {
    this.#engine.giveTokens(end);
  }

  /** Where a link ends here, with port 0 when it must be done by gRPC. */
  link(purpose: LinkPurpose__Output): Pick<LinkTarget, "port" | "token"> {
    const has = purpose === "LINK_FRAMES" || this.#next === undefined;
    return { port: has ? this.#engine.linkPort : 0, token: this.#tokens[purpose] };
  }

  /**
   * Makes a stream the one that frames come from.
   * @throws StagecoachError FAILED_PRECONDITION when the epoch already has its stream, or the stage failed
   */
  attach(source: FrameSource): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#source !== undefined) {
      const message = `epoch ${this.place.epoch} already has its stream of frames: start a new epoch`;
      throw new StagecoachError("FAILED_PRECONDITION", message);
    }
    this.#source = source;
  }

  /** Takes a Frame's bytes from the attached stream. A frame that is wrong fails the stage. */
  accept(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#engine.submit(bytes);
    if (this.#engine.full) this.#stream?.pause();
  }

  /** Resolves when every frame has passed; the next stage's stream has ended then. */
  async finish(): Promise<void> {
    if (this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
        this.#engine.endFrames();
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends serving and tells the coordinator and the sender why. The first reason wins. */
  fail(reason: StagecoachError, step = 0): void {
    if (this.#failure !== undefined) return;
    const { epoch, stageIndex } = this.place;
    this.#failure = new StagecoachError(reason.code, `stage ${stageIndex}: ${reason.message}`, {
      cause: reason,
    });
    this.#options.log.error({ epoch, err: this.#failure }, "the stage failed");
    const { code, message } = this.#failure;
    this.outputs.send({ epoch, step, failure: { code: codeNumber(code), message, sequenceIds: [] } });
    this.#stop(this.#failure);
    this.#options.onFailed(this.#failure);
  }

  /** Ends without a failure, e.g. because a newer epoch takes over, and frees everything. */
  async close(reason: StagecoachError): Promise<void> {
    this.#failure ??= reason;
    this.outputs.end();
    this.#stop(reason);
    await this.#engine.close();
  }

  #listen(host: string): LinkListen {
    const { LINK_FRAMES: framesToken, LINK_OUTPUTS: outputsToken, LINK_TOKENS: tokensToken } = this.#tokens;
    if (this.#next !== undefined) return { host, framesToken };
    return { host, framesToken, outputsToken, ...(this.place.stageCount > 1 && { tokensToken }) };
  }

  get #stream(): FrameSource | undefined {
    return this.#source === "link" ? undefined : this.#source;
  }

  #stop(reason: StagecoachError): void {
    this.#stream?.refuse(reason);
    this.#onDrained?.();
    this.#onTokensLinked?.(false);
    this.#next?.close();
    if (this.#engine === undefined) return;
    this.#lastStats ??= this.#engine.stats();
    void this.#engine.close();
  }

  #hear(news: EngineNews): void {
    if (this.#failure !== undefined) return;
    switch (news.kind) {
      case "output":
        this.outputs.send(asBuffer(news.bytes), news.counted ? () => this.#engine.resultSent() : undefined);
        break;
      case "sequencesFailed":
        this.#options.log.warn({ epoch: this.place.epoch, ...news.failure }, "sequences failed");
        break;
      case "next":
        this.#next?.send(asBuffer(news.bytes), () => this.#engine.resultSent());
        break;
      case "whichWay":
        void this.#chooseWay();
        break;
      case "linked":
        this.#source = "link";
        break;
      case "tokensLinked":
        this.#onTokensLinked?.(news.linked);
        break;
      case "taken":
        this.#stream?.resume();
        break;
      case "drained":
        this.#next?.end();
        this.#onDrained?.();
        break;
      case "failed":
        this.fail(new StagecoachError(news.failure.code, news.failure.message), news.step);
    }
  }

  async #chooseWay(): Promise<void> {
    const target = await targetOfFrames(this.#options, this.#next, this.place.epoch);
    if (this.#failure !== undefined) return;
    const way = target === undefined ? "gRPC" : "here" in target ? "transfer" : "link";
    this.#options.log.debug({ way }, "frames go to the next stage");
    this.#engine.takeWay(target);
  }
}

function newToken(): Uint8Array {
  return new Uint8Array(randomBytes(linkTokenBytes));
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
