import { credentials } from "@grpc/grpc-js";
import { channelOptions } from "../../common/grpc-options.js";
import { findLink } from "../../common/wire/link-connection.js";
import { createStageClient } from "../../common/wire/stage-service.js";
import type { StageTarget } from "../engine/engine-messages.js";
import { openPortLink, type PortEnd } from "../engine/port-link.js";
import type { NextStage } from "./next-stage.js";

/** Another stage of this process, as far as links to it go. */
export interface Neighbour {
  /** Has frames come over a port. */
  takePort(end: PortEnd): void;
  /** Has tokens go over a port. */
  giveTokens(end: PortEnd): void;
}

/** What decides where a stage's links go. */
export interface TargetsOptions {
  /** Where links may end here; absent where everything goes by gRPC. */
  readonly linkHost?: string;
  /** The next stage where this process has it, loaded for the same epoch. */
  readonly nextHere?: () => Neighbour | undefined;
  /** The last stage, likewise, by its address. */
  readonly lastHere?: (address: string) => Neighbour | undefined;
}

/** Where frames for the next stage go; undefined where they go by gRPC. */
export async function targetOfFrames(
  { linkHost, nextHere }: TargetsOptions,
  next: NextStage | undefined,
  epoch: number,
): Promise<StageTarget | undefined> {
  const here = nextHere?.();
  if (here !== undefined) {
    const { out, into } = openPortLink();
    here.takePort(into);
    return { here: out };
  }
  return linkHost === undefined ? undefined : await next?.findLink(epoch);
}

/** Where tokens of the last stage come from, at `address`; undefined where no link can be had. */
export async function targetOfTokens(
  { linkHost, lastHere }: TargetsOptions,
  address: string,
  epoch: number,
): Promise<StageTarget | undefined> {
  const here = lastHere?.(address);
  if (here !== undefined) {
    const { out, into } = openPortLink();
    here.giveTokens(out);
    return { here: into };
  }
  if (linkHost === undefined) return undefined;
  const client = createStageClient(address, credentials.createInsecure(), channelOptions);
  const target = await findLink(client, address, { epoch, purpose: "LINK_TOKENS" });
  client.close();
  return target;
}
