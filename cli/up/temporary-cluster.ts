import type { Home } from "../../common/home.js";
import { createProgressLine } from "../progress-line.js";
import { withHome } from "../state/with-home.js";
import { startCluster } from "./start-cluster.js";
import type { UpSettings } from "./up-settings.js";

/**
 * Runs `body` with the gRPC address of a cluster that lasts as long as it does.
 * @throws as `startCluster`, and what a process of the cluster ended with meanwhile
 */
export async function withTemporaryCluster(
  home: Home,
  values: UpSettings,
  signal: AbortSignal,
  body: (address: string) => Promise<void>,
): Promise<void> {
  await withHome(home, async (lost) => {
    const progress = createProgressLine();
    const cluster = await startCluster({
      home,
      values,
      signal: AbortSignal.any([signal, lost]),
      onProgress: progress.say,
    }).finally(progress.end);
    const broken = cluster.broken.then((error) => {
      throw error;
    });
    try {
      await Promise.race([body(cluster.grpc), broken]);
    } finally {
      await cluster.stop();
    }
  });
}
