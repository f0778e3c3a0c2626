import { timingSafeEqual } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { LinkPurpose } from "../../proto/gen/stagecoach/v1/LinkPurpose.js";
import type { OpenLinkReply__Output } from "../../proto/gen/stagecoach/v1/OpenLinkReply.js";
import type { StageClient } from "../../proto/gen/stagecoach/v1/Stage.js";
import { parseListenAddress } from "../listen-address.js";
import { linkTokenBytes } from "./link-framing.js";

/** Longer than a stage that is there takes for each of: the call, the connection, the token said back. */
const timeoutMs = 2_000;

/** Where a link goes, and what it begins with. */
export interface LinkTarget {
  readonly host: string;
  readonly port: number;
  readonly token: Uint8Array;
}

/** What a link is wanted for. */
export interface LinkWish {
  readonly epoch: number;
  readonly purpose: LinkPurpose;
}

/** Asks the stage at `address` for a link; undefined where it has none, or does not answer. */
export function findLink(
  client: StageClient,
  address: string,
  wish: LinkWish,
): Promise<LinkTarget | undefined> {
  return new Promise((resolve) => {
    const deadline = Date.now() + timeoutMs;
    client.openLink(wish, { deadline }, (reason, reply?: OpenLinkReply__Output) => {
      if (reason !== null || reply === undefined || reply.port === 0) {
        resolve(undefined);
        return;
      }
      const { host } = parseListenAddress(address, "address");
      resolve({ host, port: reply.port, token: Uint8Array.from(reply.token) });
    });
  });
}

/** Connects and says the token; undefined where the other end cannot be reached. */
export function connectLink({ host, port, token }: LinkTarget): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    let connected = false;
    const giveUp = (): void => {
      clearTimeout(timer);
      if (connected) return;
      socket.destroy();
      resolve(undefined);
    };
    // Stays, so that an error is none of the process's until somebody watches the socket.
    socket.on("error", giveUp);
    // A computation may have kept both this and the connection waiting: the connection is looked at first.
    const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      if (socket.destroyed) return;
      connected = true;
      socket.write(token);
      resolve(socket);
    });
  });
}

/**
 * Connects for outputs; resolves when the stage has said the token back, so that whatever it sends later comes
 * over the link. Undefined where it did not, and then it sends nothing over it.
 */
export async function connectOutputs(target: LinkTarget): Promise<Socket | undefined> {
  const socket = await connectLink(target);
  if (socket === undefined) return undefined;
  return await new Promise((resolve) => {
    const settle = (result: Socket | undefined): void => {
      clearTimeout(timer);
      socket.off("readable", look).off("close", giveUp);
      resolve(result);
    };
    const giveUp = (): void => {
      socket.destroy();
      settle(undefined);
    };
    const look = (): void => {
      const said: Buffer | null = socket.read(linkTokenBytes);
      if (said === null) return;
      if (said.length === linkTokenBytes && timingSafeEqual(said, target.token)) settle(socket);
      else giveUp();
    };
    const timer = setTimeout(giveUp, timeoutMs);
    socket.on("readable", look).on("close", giveUp);
  });
}
