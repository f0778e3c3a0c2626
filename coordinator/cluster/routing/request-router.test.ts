import { describe, expect, test } from "vitest";
import { blockHashes, PrefixIndex } from "./prefix-index.js";
import { RequestRouter, type Routing, type Target } from "./request-router.js";

const blockSize = 4;
const prompt = Uint32Array.from({ length: 12 }, (_, index) => index);

function targets(...loads: (number | undefined)[]): Target[] {
  return loads.flatMap((load, replica) =>
    load === undefined ? [] : [{ replica, load, speed: 1, blockSize }],
  );
}

function chosen(router: RequestRouter, given: readonly Target[], promptIds = prompt): number | undefined {
  const { order, took } = router.route(promptIds, given);
  const replica = order[0]?.replica;
  if (replica !== undefined) took(replica);
  return replica;
}

test("in turn, passing over those that are away", () => {
  const router = new RequestRouter("round-robin", 3);
  expect([1, 2, 3, 4].map(() => chosen(router, targets(0, 0, 0)))).toEqual([0, 1, 2, 0]);
  expect([1, 2, 3].map(() => chosen(router, targets(0, undefined, 0)))).toEqual([2, 0, 2]);
});

test("the fewest connections for its speed; the others follow in order", () => {
  const router = new RequestRouter("least-connections", 3);
  expect(router.route(prompt, targets(2, 0, 1)).order.map(({ replica }) => replica)).toEqual([1, 2, 0]);
  const fast = { replica: 0, load: 2, speed: 4, blockSize };
  expect(chosen(router, [fast, { replica: 1, load: 0, speed: 1, blockSize }])).toBe(0);
});

describe("by prefix", () => {
  const other = Uint32Array.from({ length: 12 }, () => 7);

  test("a known beginning goes where it was read, an unknown one where there is least to do", () => {
    const router = new RequestRouter("prefix", 2);
    expect(chosen(router, targets(1, 0))).toBe(1);
    expect(chosen(router, targets(0, 3), Uint32Array.of(...prompt, 9, 9, 9, 9))).toBe(1);
    expect(chosen(router, targets(0, 3), other)).toBe(0);
  });

  test("the longest beginning wins", () => {
    const router = new RequestRouter("prefix", 2);
    chosen(router, targets(0, 1), prompt.slice(0, 4));
    chosen(router, targets(9, 0), prompt);
    expect(chosen(router, targets(0, 4), prompt)).toBe(1);
  });

  test("in tokens, where replicas have blocks of different sizes", () => {
    const router = new RequestRouter("prefix", 2);
    const [small, large] = targets(0, 0).map((target, at) => ({ ...target, blockSize: at === 0 ? 2 : 6 }));
    const both = [small, large] as Target[];
    router.route(prompt.slice(0, 4), both).took(0);
    router.route(prompt, both).took(1);
    expect(router.route(prompt, both).order[0]?.replica).toBe(1);
    expect(router.route(prompt.slice(0, 5), both).order[0]?.replica).toBe(0);
  });

  test("not where much more waits than elsewhere", () => {
    const router = new RequestRouter("prefix", 2);
    chosen(router, targets(0, 1));
    expect(chosen(router, targets(4, 0))).toBe(0);
    expect(chosen(router, targets(5, 0))).toBe(1);
    const again = new RequestRouter("prefix", 2);
    chosen(again, targets(0, 1));
    expect(chosen(again, targets(30, 20))).toBe(0);
  });

  test("nothing is expected of a replica that came up anew", () => {
    const router = new RequestRouter("prefix", 2);
    chosen(router, targets(0, 1));
    router.forget(0);
    expect(chosen(router, targets(2, 1))).toBe(1);
  });
});

test("without targets there is nobody to send to", () => {
  for (const routing of ["round-robin", "least-connections", "prefix"] satisfies Routing[])
    expect(new RequestRouter(routing, 2).route(prompt, []).order).toEqual([]);
});

describe("the index of prefixes", () => {
  test("knows full blocks alone, each by all before it", () => {
    expect(blockHashes(prompt.slice(0, 7), blockSize)).toHaveLength(1);
    const [first, second] = blockHashes(prompt, blockSize);
    expect(blockHashes(prompt.slice(0, 8), blockSize)).toEqual([first, second]);
    const changed = Uint32Array.from(prompt).fill(99, 0, 1);
    const [otherFirst, otherSecond] = blockHashes(changed, blockSize);
    expect([otherFirst === first, otherSecond === second]).toEqual([false, false]);
  });

  test("hashes of many prompts differ", () => {
    const hashes = Array.from({ length: 20_000 }, (_, seed) => blockHashes(Uint32Array.of(seed, 0, 0, 0), 4));
    expect(new Set(hashes.flat()).size).toBe(20_000);
  });

  test("forgets what was not used for longest, the ends before the beginnings", () => {
    const index = new PrefixIndex(3);
    index.add([1, 2]);
    index.add([8, 9]);
    expect([index.size, index.match([1, 2]), index.match([8, 9])]).toEqual([3, 1, 2]);
    index.add([1]);
    index.add([5]);
    expect([index.match([1]), index.match([8, 9]), index.match([5])]).toEqual([1, 1, 1]);
  });
});
