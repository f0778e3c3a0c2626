import { expect, test, vi } from "vitest";
import type { Output } from "../../proto/gen/stagecoach/v1/Output.js";
import { OutputChannel, type Sendable } from "./output-channel.js";

function fakeSink() {
  const written: { output: Sendable; sent: () => void }[] = [];
  let cancelled = (): void => {};
  return {
    written,
    ended: false,
    steps: () => written.map(({ output }) => (output as Output).step),
    cancel: () => cancelled(),
    write(output: Sendable, sent: () => void) {
      written.push({ output, sent });
    },
    end() {
      this.ended = true;
    },
    once(_event: "cancelled", listener: () => void) {
      cancelled = listener;
    },
  };
}

test("outputs wait for a subscriber, then follow in order", () => {
  const channel = new OutputChannel();
  const onSent = vi.fn();
  channel.send({ step: 1 }, onSent);
  channel.send({ step: 2 });
  const sink = fakeSink();
  channel.subscribe(sink);
  channel.send({ step: 3 });
  expect(sink.steps()).toEqual([1, 2, 3]);
  expect(onSent).not.toHaveBeenCalled();
  sink.written[0]?.sent();
  expect(onSent).toHaveBeenCalledTimes(1);
});

test("the latest subscriber takes over, and the one before it ends", () => {
  const channel = new OutputChannel();
  const [first, second] = [fakeSink(), fakeSink()];
  channel.subscribe(first);
  channel.subscribe(second);
  channel.send({ step: 1 });
  expect([first.ended, second.ended]).toEqual([true, false]);
  expect([first.steps(), second.steps()]).toEqual([[], [1]]);
  first.cancel();
  channel.send({ step: 2 });
  expect(second.steps()).toEqual([1, 2]);
});

test("writes that a lost subscriber never flushed count as gone, once", () => {
  const channel = new OutputChannel();
  const onSent = vi.fn();
  const sink = fakeSink();
  channel.subscribe(sink);
  channel.send({ step: 1 }, onSent);
  sink.cancel();
  sink.written[0]?.sent();
  expect(onSent).toHaveBeenCalledTimes(1);
  channel.send({ step: 2 });
  const next = fakeSink();
  channel.subscribe(next);
  expect(next.steps()).toEqual([2]);
});

test("after its end nothing is sent", () => {
  const channel = new OutputChannel();
  const sink = fakeSink();
  channel.subscribe(sink);
  channel.end();
  channel.send({ step: 1 });
  expect([sink.ended, sink.steps()]).toEqual([true, []]);
  const late = fakeSink();
  channel.subscribe(late);
  expect(late.ended).toBe(true);
});
