import { StagecoachError } from "../../common/errors.js";
import type { RawReply } from "./sse.js";

/** Requests that are being answered, so that they can be cancelled and waited for. */
export interface ActiveRequests {
  /**
   * A signal that aborts with CANCELLED when the client's connection closes before the reply is finished,
   * or with the reason of `cancelAll`. The request counts until its connection or reply is done.
   */
  track(raw: Pick<RawReply, "writableFinished" | "once">): AbortSignal;
  readonly count: number;
  cancelAll(reason: StagecoachError): void;
  /** Resolves when none is left. */
  idle(): Promise<void>;
}

export function createActiveRequests(): ActiveRequests {
  const controllers = new Set<AbortController>();
  const waiters = new Set<() => void>();
  return {
    track: (raw) => {
      const controller = new AbortController();
      controllers.add(controller);
      // Node emits close after every reply, finished or not.
      raw.once("close", () => {
        controllers.delete(controller);
        if (!raw.writableFinished) {
          controller.abort(new StagecoachError("CANCELLED", "the client closed the connection"));
        }
        if (controllers.size > 0) return;
        for (const resolve of waiters) resolve();
        waiters.clear();
      });
      return controller.signal;
    },
    get count() {
      return controllers.size;
    },
    cancelAll: (reason) => {
      for (const controller of controllers) controller.abort(reason);
    },
    idle: () =>
      controllers.size === 0 ? Promise.resolve() : new Promise((resolve) => waiters.add(() => resolve())),
  };
}
