import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { StagecoachError } from "../../common/errors.js";
import { startThread } from "../../common/start-thread.js";
import type { LinkTimes } from "../../common/time-echo.js";
import type { PortTimerData } from "./port-timer-thread.js";

/**
 * Times a port between two threads of this process, as frames take it from one engine to the next.
 * @throws StagecoachError INTERNAL when a thread ends by itself, or the signal's reason
 */
export async function timePort(signal: AbortSignal): Promise<LinkTimes> {
  const { port1, port2 } = new MessageChannel();
  const answering = startThread(import.meta.url, "port-timer-thread", dataOf("answers", port1), [port1]);
  const asking = startThread(import.meta.url, "port-timer-thread", dataOf("asks", port2), [port2]);
  try {
    const [times] = (await Promise.race([
      once(asking, "message", { signal }),
      once(answering, "exit", { signal }).then(() => {
        throw new StagecoachError("INTERNAL", "a thread that a port is timed with ended");
      }),
    ])) as [LinkTimes];
    return times;
  } catch (reason) {
    signal.throwIfAborted();
    throw StagecoachError.from(reason, "INTERNAL");
  } finally {
    await Promise.all([asking.terminate(), answering.terminate()]);
  }
}

function dataOf(role: PortTimerData["role"], port: PortTimerData["port"]): PortTimerData {
  return { role, port };
}
