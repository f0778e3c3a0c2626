import { blockHashes, PrefixIndex } from "./prefix-index.js";

/** How requests are shared out among replicas. */
export type Routing = "round-robin" | "least-connections" | "prefix";

/** A replica that can take a request now. */
export interface Target {
  readonly replica: number;
  /** Requests that it runs or that wait there. */
  readonly load: number;
  /** What it decodes, tokens a second: a faster one is given more. */
  readonly speed: number;
  /** Tokens of its KV blocks: only whole ones can be shared. */
  readonly blockSize: number;
}

/** Beyond so many requests more than another has, and twice as many, a cached prefix is not worth the wait. */
const mostAhead = 4;
/** Blocks that are remembered of each replica. */
const indexCapacity = 65_536;

/**
 * Chooses the replica for each request: in turn, the one with the least to do for its speed, or the one that has
 * read the longest beginning of the prompt, unless it has much more to do (SGLang's cache-aware router does so).
 */
export class RequestRouter {
  readonly #routing: Routing;
  readonly #indexes: readonly PrefixIndex[];
  #turn = 0;

  constructor(routing: Routing, replicaCount: number) {
    this.#routing = routing;
    this.#indexes = Array.from({ length: replicaCount }, () => new PrefixIndex(indexCapacity));
  }

  /** The targets, best first; `took` says which of them took the prompt. */
  route(promptIds: Uint32Array, targets: readonly Target[]): Route {
    const byLoad = targets.toSorted((a, b) => relativeLoad(a) - relativeLoad(b) || a.replica - b.replica);
    switch (this.#routing) {
      case "round-robin":
        return { order: this.#inTurn(targets), took: () => undefined };
      case "least-connections":
        return { order: byLoad, took: () => undefined };
      case "prefix": {
        const hashes = hashesBySize(promptIds, targets);
        const took = (replica: number) => {
          const target = targets.find((each) => each.replica === replica);
          if (target !== undefined) this.#indexes[replica]?.add(hashes(target));
        };
        return { order: this.#byPrefix(hashes, byLoad), took };
      }
    }
  }

  /** What a replica had cached is gone. */
  forget(replica: number): void {
    this.#indexes[replica]?.clear();
  }

  /** From the one after the last chosen on, by number; those that are away are passed over. */
  #inTurn(targets: readonly Target[]): Target[] {
    const distance = ({ replica }: Target) =>
      (replica - this.#turn + this.#indexes.length) % this.#indexes.length;
    const order = targets.toSorted((a, b) => distance(a) - distance(b));
    this.#turn = ((order[0]?.replica ?? 0) + 1) % this.#indexes.length;
    return order;
  }

  #byPrefix(hashes: (target: Target) => readonly number[], byLoad: readonly Target[]): Target[] {
    const matches = byLoad.map(
      (target) => (this.#indexes[target.replica]?.match(hashes(target)) ?? 0) * target.blockSize,
    );
    const longest = Math.max(0, ...matches);
    const best = byLoad[matches.indexOf(longest)];
    if (best === undefined || longest === 0 || this.#isBusy(best, byLoad)) return [...byLoad];
    return [best, ...byLoad.filter((target) => target !== best)];
  }

  #isBusy(target: Target, byLoad: readonly Target[]): boolean {
    const least = Math.min(...byLoad.map(({ load }) => load));
    return target.load > least + mostAhead && target.load > 2 * least;
  }
}

/** Targets in the order of preference, and what the one that takes the request is told with. */
export interface Route {
  readonly order: readonly Target[];
  readonly took: (replica: number) => void;
}

/** Hashes of a prompt's blocks as each of the targets has them. */
function hashesBySize(
  promptIds: Uint32Array,
  targets: readonly Target[],
): (target: Target) => readonly number[] {
  const sizes = new Set(targets.map(({ blockSize }) => blockSize));
  const bySize = new Map([...sizes].map((size) => [size, blockHashes(promptIds, size)]));
  return ({ blockSize }) => bySize.get(blockSize) ?? [];
}

/** With one more request, so that of two idle ones the faster comes first. */
function relativeLoad({ load, speed }: Target): number {
  return (load + 1) / Math.max(speed, 1e-9);
}
