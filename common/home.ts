import { join } from "node:path";

/** Where things lie under STAGECOACH_HOME. Nothing is created by asking. */
export interface Home {
  readonly root: string;
  /** Manifests: `models/<name>/<variant>.json`. */
  readonly models: string;
  /** Content-addressed files, named by their sha256 in hex, and the stage graphs that point at them. */
  readonly blobs: string;
  /** What was downloaded to be packed, kept so that other variants can be packed without the network. */
  readonly sources: string;
  /** What runs now: `state/cluster.json`, locks. */
  readonly state: string;
}

export function homeAt(root: string): Home {
  return {
    root,
    models: join(root, "models"),
    blobs: join(root, "blobs"),
    sources: join(root, "sources"),
    state: join(root, "state"),
  };
}
