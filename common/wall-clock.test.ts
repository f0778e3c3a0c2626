import { expect, test } from "vitest";
import { WallClock } from "./wall-clock.js";

/** A machine whose wall clock runs `slew` times as fast as its monotonic clock; reading takes a microsecond. */
function machine(slew = 1) {
  let elapsedUs = 123_456;
  const epochUs = 1_700_000_000_000_789;
  return {
    trueUs: () => epochUs + elapsedUs * slew,
    wait: (us: number) => {
      elapsedUs += us;
    },
    sources: {
      dateMs: () => Math.floor((epochUs + elapsedUs * slew) / 1000),
      monotonicUs: () => ++elapsedUs,
    },
  };
}

test("it is right to a few microseconds from the start", () => {
  const { sources, trueUs, wait } = machine();
  const clock = new WallClock(sources);
  for (let round = 0; round < 100; round++) {
    wait(777);
    expect(Math.abs(clock.nowUs() - trueUs())).toBeLessThan(5);
  }
});

test("two processes that started hours apart agree while the wall clock is slewed", () => {
  const { sources, wait } = machine(1 - 50e-6);
  const first = new WallClock(sources);
  for (let second = 0; second < 7_200; second++) {
    for (let call = 0; call < 50; call++) {
      wait(20_000 + ((second * 50 + call) % 997));
      first.nowUs();
    }
  }
  const late = new WallClock(sources);
  // A window of 10 s at 50 parts in a million is 500 µs, and the one before it still counts.
  expect(Math.abs(first.nowUs() - late.nowUs())).toBeLessThan(1_100);
});

test("a thread that is held up between the two clocks does no harm", () => {
  const { sources, trueUs, wait } = machine();
  let calls = 0;
  const held = {
    ...sources,
    monotonicUs: () => {
      if (++calls % 3 === 0) wait(4_000);
      return sources.monotonicUs();
    },
  };
  const clock = new WallClock(held);
  for (let round = 0; round < 100; round++) {
    wait(777);
    expect(clock.nowUs() - trueUs()).toBeLessThan(5);
  }
});
