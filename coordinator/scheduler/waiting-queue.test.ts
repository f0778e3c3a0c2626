import { expect, test } from "vitest";
import { Sequence } from "./sequence.js";
import { WaitingQueue } from "./waiting-queue.js";

let arrivals = 0;

function sequence(user: string, tokens = 10, priority = 0): Sequence {
  const promptIds = new Uint32Array(tokens);
  const request = {
    requestId: `${arrivals}`,
    promptIds,
    sampling: {},
    maxTokens: 5,
    stopTokenIds: new Set<number>(),
  };
  return new Sequence({ ...request, user, priority }, arrivals++, 1000);
}

/** Lets in so many, one after another. */
function admit(queue: WaitingQueue, count: number): Sequence[] {
  return Array.from({ length: count }, () => {
    const next = queue.peek();
    if (next === undefined) throw new Error("nobody waits");
    queue.admit(next, next.length);
    return next;
  });
}

function usersOf(sequences: readonly Sequence[]): string {
  return sequences.map(({ user }) => user).join("");
}

test("one user's requests go in the order in which they came", () => {
  const queue = new WaitingQueue();
  const [first, second, third] = [sequence("a"), sequence("a"), sequence("a")];
  for (const each of [third, first, second]) queue.push(each);
  expect(admit(queue, 3)).toEqual([first, second, third]);
  expect(queue).toMatchObject({ size: 0, tokens: 0 });
});

test("a flood from one user does not keep another waiting", () => {
  const queue = new WaitingQueue();
  for (let count = 0; count < 100; count++) queue.push(sequence("a"));
  admit(queue, 10);
  for (let count = 0; count < 3; count++) queue.push(sequence("b"));
  expect(usersOf(admit(queue, 7))).toMatch(/^ab+a|^bab|^abab/);
  expect(queue.waitingOf("b")).toBe(0);
});

test("service is shared by tokens, not by requests, and generated ones count double", () => {
  const queue = new WaitingQueue();
  for (let count = 0; count < 50; count++) {
    queue.push(sequence("a", 30));
    queue.push(sequence("b", 10));
  }
  const served = usersOf(admit(queue, 24));
  expect([...served].filter((user) => user === "a").length).toBe(6);
  for (let token = 0; token < 30; token++) queue.charge("b");
  expect(usersOf(admit(queue, 2))).toBe("aa");
});

test("who was away saves up nothing", () => {
  const queue = new WaitingQueue();
  for (let count = 0; count < 20; count++) queue.push(sequence("a"));
  queue.push(sequence("b"));
  admit(queue, 12);
  for (let count = 0; count < 10; count++) queue.push(sequence("b"));
  const [one, other] = [usersOf(admit(queue, 4)), usersOf(admit(queue, 4))];
  expect([...one, ...other].filter((user) => user === "a").length).toBe(4);
});

test("a lower priority number goes first, whoever asks", () => {
  const queue = new WaitingQueue();
  const sequences = [sequence("a", 1, 5), sequence("b", 1, 0), sequence("a", 1, -3)];
  for (const each of sequences) queue.push(each);
  expect(admit(queue, 3)).toEqual([...sequences].reverse());
});

test("who was thrown out goes before those of its priority, by rank", () => {
  const queue = new WaitingQueue();
  const [fresh, young, old, urgent] = [sequence("a"), sequence("a"), sequence("b"), sequence("c", 1, -1)];
  young.rank = 7;
  old.rank = 3;
  queue.push(fresh);
  queue.resume(young);
  queue.resume(old);
  queue.push(urgent);
  queue.remove(urgent);
  expect(admit(queue, 3)).toEqual([old, young, fresh]);
});
