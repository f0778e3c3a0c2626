import type { Home } from "../../common/home.js";
import { createProgressLine } from "../progress-line.js";
import { withHome } from "../state/with-home.js";
import { type RunningLocalCluster, startCluster } from "./start-cluster.js";
import type { UpSettings } from "./up-settings.js";

/**
 * Runs `body` with a cluster that lasts as long as it does.
 * @throws as `startCluster`, and what a process of the cluster ended with meanwhile
 */
export function withTemporaryCluster<Result>(
  home: Home,
  values: UpSettings,
  signal: AbortSignal,
  body: (cluster: RunningLocalCluster) => Promise<Result>,
): Promise<Result> {
  return withHome(home, async (lost) => {
    const progress = createProgressLine();
    const cluster = await startCluster({
      home,
      values,
      signal: AbortSignal.any([signal, lost]),
      onProgress: progress.say,
    }).finally(progress.end);
    const broken = cluster.broken.then((error): never => {
      throw error;
    });
    try {
      return await Promise.race([body(cluster), broken]);
    } finally {
      await cluster.stop();
    }
  });
}
