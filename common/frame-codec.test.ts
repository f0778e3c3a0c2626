import { expect, test } from "vitest";
import type { Forward__Output } from "../proto/gen/stagecoach/v1/Forward.js";
import type { Frame, Frame__Output } from "../proto/gen/stagecoach/v1/Frame.js";
import {
  decodeClose,
  decodeForward,
  decodeOpen,
  encodeClose,
  encodeForward,
  encodeOpen,
  type RaggedBatch,
  type SequenceOpening,
} from "./frame-codec.js";
import { frameBytes, readFrameBytes } from "./wire/frame-bytes.js";

/** Over the real codec, so that offsets, defaults and nulls are those of the wire. */
function overTheWire(frame: Frame): Frame__Output {
  return readFrameBytes(frameBytes(frame));
}

const batch: RaggedBatch = {
  lane: 2,
  sequenceIds: [7, 3, 4_000_000_000],
  contextLengths: [15, 0, 32],
  lengths: [1, 1, 5],
  sample: [true, true, false],
  newBlocks: [[], [0], [9, 12]],
};

function wireForward(change: Partial<Forward__Output> = {}): Forward__Output {
  const forward = encodeForward(batch, { kind: "tokens", tokenIds: Uint32Array.of(1, 2, 3, 4, 5, 6, 7) }, 99);
  return { ...(overTheWire({ epoch: 1, step: 1, forward }).forward as Forward__Output), ...change };
}

test("a batch of token ids comes back", () => {
  expect(wireForward().sentAtUs).toBe(99);
  expect(decodeForward(wireForward(), 2)).toEqual({
    batch,
    input: { kind: "tokens", tokenIds: Uint32Array.of(1, 2, 3, 4, 5, 6, 7) },
  });
});

test("random batches of hidden states come back, whatever their offset in the message", () => {
  for (let round = 0; round < 50; round++) {
    const count = Math.floor(Math.random() * 5);
    const lengths = Array.from({ length: count }, () => 1 + Math.floor(Math.random() * 4));
    const tokens = lengths.reduce((sum, length) => sum + length, 0);
    const random: RaggedBatch = {
      lane: round,
      sequenceIds: lengths.map((_, index) => index * 1000 + round),
      contextLengths: lengths.map(() => Math.floor(Math.random() * 5000)),
      lengths,
      sample: lengths.map(() => Math.random() < 0.5),
      newBlocks: lengths.map((length) => Array.from({ length: length - 1 }, (_, index) => index * 300)),
    };
    const hidden = Float32Array.from({ length: tokens * 3 }, () => Math.random() - 0.5);
    const forward = encodeForward(random, { kind: "hidden", dtype: "FLOAT32", data: hidden }, 1e15);
    const decoded = decodeForward(overTheWire({ forward }).forward as Forward__Output, round);
    expect(decoded).toEqual({ batch: random, input: { kind: "hidden", dtype: "FLOAT32", data: hidden } });
  }
});

test("a batch that does not add up is refused by the array", () => {
  const hidden = (shape: number[], floats: number) => ({
    tokenIds: Buffer.alloc(0),
    hidden: { dtype: "FLOAT32" as const, shape, data: Buffer.alloc(floats * 4), scales: Buffer.alloc(0) },
  });
  const cases: [Partial<Forward__Output>, RegExp][] = [
    [{ sequenceIds: [7, 3] }, /2 sequenceIds and 3 contextLengths/],
    [{ contextLengths: [1] }, /3 sequenceIds and 1 contextLengths/],
    [{ lengths: [1, 1, 5, 1] }, /4 lengths/],
    [{ sample: Buffer.alloc(2) }, /2 sample/],
    [{ sample: Buffer.of(0, 7, 1) }, /sequence 3 has sample 7/],
    [{ sequenceIds: [7, 3, 7] }, /twice in \[7, 3, 7\]/],
    [{ lengths: [1, 0, 6] }, /sequence 3 has no tokens/],
    [{ contextLengths: [15, 2 ** 31, 0] }, /sequence 3 ends at position 2147483649/],
    [{ newBlockCounts: [0, 1, 1] }, /newBlockIds has 3 entries where its counts say 2/],
    [{ newBlockIds: [1] }, /newBlockIds has 1 entries/],
    [{ tokenIds: Buffer.alloc(27) }, /7 tokens has 27 bytes of tokenIds/],
    [{ ...hidden([7, 2], 14), tokenIds: Buffer.alloc(28) }, /both tokenIds and hidden/],
    [hidden([6, 2], 12), /7 tokens has hidden states of shape \[6, 2\]/],
    [hidden([14], 14), /shape \[14\]/],
    [hidden([7, 2], 13), /52 bytes; they take 56/],
    [{ ...hidden([7, 2], 14), hidden: null }, /0 bytes of tokenIds/],
  ];
  for (const [change, message] of cases) {
    expect(() => decodeForward(wireForward(change), 0), String(message)).toThrow(message);
  }
});

const opening: SequenceOpening = {
  sequenceId: 5,
  history: Uint32Array.of(1, 2, 4_000_000_000),
  promptLength: 3,
  cachedLength: 20,
  cachedBlocks: [9, 4],
  sampling: {
    temperature: 0.5,
    topK: 40,
    topP: 1,
    minP: 0,
    repetitionPenalty: 1,
    presencePenalty: 0,
    frequencyPenalty: -2,
    logitBias: new Map([[9, -100]]),
    seed: 2 ** 53 - 1,
    suppressedTokenIds: [1, 2],
    suppressedUntilLength: 4,
    wantLogprobs: true,
    topLogprobs: 20,
  },
};

test("openings come back", () => {
  const openings = [opening, { ...opening, sequenceId: 6, history: new Uint32Array(0) }];
  const { open } = overTheWire({ open: encodeOpen(openings) });
  expect(open && decodeOpen(open)).toEqual(openings);
  const none = overTheWire({ open: encodeOpen([]) });
  expect(none.open && decodeOpen(none.open)).toEqual([]);
});

test("closings come back, also where nothing is kept", () => {
  for (const kept of [
    [0, 3],
    [0, 0],
  ]) {
    const closings = kept.map((keptBlocks, index) => ({ sequenceId: index + 7, keptBlocks }));
    const { close } = overTheWire({ close: encodeClose(closings) });
    expect(close && decodeClose(close)).toEqual(closings);
  }
  expect(() => decodeClose({ sequenceIds: [1, 2], keptBlockCounts: [1] })).toThrow(
    /2 sequenceIds and 1 keptBlockCounts/,
  );
});

test("an opening without sampling or with half an id is refused", () => {
  const { open } = overTheWire({ open: encodeOpen([opening]) });
  const [sequence] = open?.sequences ?? [];
  if (sequence === undefined) throw new Error("no sequence");
  expect(() => decodeOpen({ sequences: [{ ...sequence, sampling: null }] })).toThrow(
    /sequence 5 has no sampling/,
  );
  expect(() => decodeOpen({ sequences: [{ ...sequence, history: Buffer.alloc(5) }] })).toThrow(/5 bytes/);
});
