import { once } from "node:events";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { timeEcho } from "../../common/time-echo.js";

/** What the thread is started with. */
export interface PortTimerData {
  /** `asks` tells its parent what its rounds took, `answers` answers until it is ended. */
  readonly role: "asks" | "answers";
  readonly port: MessagePort;
}

/** Entry of both threads that a port is timed with. */
async function main({ role, port }: PortTimerData): Promise<void> {
  if (role === "answers") {
    port.on("message", () => port.postMessage("here"));
    return;
  }
  const times = await timeEcho(async (payload) => {
    port.postMessage(payload, [payload.buffer]);
    await once(port, "message");
  });
  parentPort?.postMessage(times);
}

await main(workerData as PortTimerData);
