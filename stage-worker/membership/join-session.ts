import { type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { StagecoachError } from "../../common/errors.js";
import { channelOptions } from "../../common/grpc-options.js";
import { v1 } from "../../common/proto.js";
import type { CoordinatorMessage__Output } from "../../proto/gen/stagecoach/v1/CoordinatorMessage.js";
import type { Heartbeat } from "../../proto/gen/stagecoach/v1/Heartbeat.js";
import type { Hello } from "../../proto/gen/stagecoach/v1/Hello.js";
import type { Welcome__Output } from "../../proto/gen/stagecoach/v1/Welcome.js";
import type { WorkerMessage } from "../../proto/gen/stagecoach/v1/WorkerMessage.js";

/** What a session says and hears. */
export interface JoinSessionOptions {
  /** The coordinator's host:port. */
  readonly address: string;
  readonly hello: Hello;
  readonly heartbeat: () => Heartbeat;
  readonly onWelcome: (welcome: Welcome__Output, session: JoinSession) => void;
}

/** A session that was welcomed. */
export interface JoinSession {
  /** Sends a heartbeat now, beside the regular ones. */
  beat(): void;
}

/** How a session ended. */
export type SessionEnd =
  /** The coordinator asked the worker to end. */
  { kind: "left"; reason: string } | { kind: "lost"; reason: StagecoachError; welcomed: boolean };

/** The reason of a worker that leaves without having been asked. */
export const leavingByItself = "this worker ends";

/** How long the coordinator may take to answer Hello. */
const welcomeTimeoutMs = 10_000;
/** How long the coordinator may take to answer a leaving. */
const leavingMs = 200;
const heartbeatIntervalsMs = { least: 20, most: 60_000 };

/** One stay in the cluster, over one Join stream: Hello, Welcome, heartbeats until the end. Never throws. */
export function runJoinSession(options: JoinSessionOptions, signal: AbortSignal): Promise<SessionEnd> {
  const client = new v1.Cluster(options.address, credentials.createInsecure(), channelOptions);
  const call: ClientDuplexStream<WorkerMessage, CoordinatorMessage__Output> = client.join();
  return new Promise((resolve) => {
    let welcomed = false;
    let over = false;
    let heartbeats: NodeJS.Timeout | undefined;
    const late = setTimeout(() => {
      lose(new StagecoachError("DEADLINE_EXCEEDED", `no welcome within ${welcomeTimeoutMs} ms`));
    }, welcomeTimeoutMs);

    const beat = (): void => {
      if (call.writable) call.write({ heartbeat: options.heartbeat() });
    };
    const end = (how: SessionEnd): void => {
      if (over) return;
      over = true;
      clearTimeout(late);
      clearInterval(heartbeats);
      signal.removeEventListener("abort", leave);
      // Half-closing lets the coordinator see a leaving, not a break; then the connection goes.
      call.end();
      const drop = (): void => {
        call.cancel();
        client.close();
      };
      if (how.kind === "lost") drop();
      else setTimeout(drop, leavingMs).unref();
      resolve(how);
    };
    const lose = (reason: unknown): void => {
      const { code, message } = StagecoachError.from(reason);
      const error = new StagecoachError(code, `${options.address}: ${message}`, { cause: reason });
      end({ kind: "lost", reason: error, welcomed });
    };
    const leave = (): void => end({ kind: "left", reason: leavingByItself });

    call.on("data", (message: CoordinatorMessage__Output) => {
      if (message.payload === "leave" && message.leave) end({ kind: "left", reason: message.leave.reason });
      if (message.payload !== "welcome" || !message.welcome || welcomed) return;
      welcomed = true;
      clearTimeout(late);
      heartbeats = setInterval(beat, intervalOf(message.welcome));
      options.onWelcome(message.welcome, { beat });
      beat();
    });
    call.on("error", lose);
    call.on("end", () => lose(new StagecoachError("UNAVAILABLE", "the coordinator ended the session")));

    if (signal.aborted) leave();
    else {
      signal.addEventListener("abort", leave, { once: true });
      call.write({ hello: options.hello });
    }
  });
}

function intervalOf({ heartbeatIntervalMs }: Welcome__Output): number {
  const { least, most } = heartbeatIntervalsMs;
  return Math.min(Math.max(heartbeatIntervalMs, least), most);
}
