import { expect, test } from "vitest";
import type { Tensor__Output } from "../proto/gen/stagecoach/v1/Tensor.js";
import {
  type Activation,
  activationDtypes,
  bytesOf,
  copyRows,
  decodeActivation,
  encodeActivation,
  newActivation,
  rowsOf,
  uint32View,
} from "./tensor.js";

/** Two rows of three. */
function some(dtype: (typeof activationDtypes)[number]): Activation {
  const activation = newActivation(dtype, 2, 3);
  activation.data.set([1, 2, 3, 4, 5, 6]);
  activation.scales?.set([0.5, 2]);
  return activation;
}

function message(activation: Activation, rows: number): Tensor__Output {
  return {
    scales: Buffer.alloc(0),
    ...(encodeActivation(activation, rows) as Partial<Tensor__Output>),
  } as Tensor__Output;
}

test.each(activationDtypes)("%s rows come back with their shape, without a copy", (dtype) => {
  const tensor = message(some(dtype), 2);
  const decoded = decodeActivation(tensor, 2);
  expect(decoded).toEqual(some(dtype));
  expect(decoded.data.buffer).toBe(tensor.data.buffer);
  expect(decodeActivation(message(newActivation(dtype, 0, 576), 0), 0)).toEqual(newActivation(dtype, 0, 576));
});

test.each(activationDtypes)("%s rows are picked and put with their scales", (dtype) => {
  const into = newActivation(dtype, 3, 3);
  copyRows(rowsOf(some(dtype), 1, 1, 3), into, 2, 3);
  expect([...into.data]).toEqual([0, 0, 0, 0, 0, 0, 4, 5, 6]);
  if (dtype === "INT8") expect([...(into.scales ?? [])]).toEqual([0, 0, 2]);
});

test("bytes at any offset are read", () => {
  const words = Uint32Array.of(7, 2 ** 32 - 1);
  for (let offset = 0; offset < 8; offset++) {
    const bytes = new Uint8Array(offset + 8);
    bytes.set(bytesOf(words), offset);
    expect(uint32View(bytes.subarray(offset))).toEqual(words);
  }
  expect(() => uint32View(new Uint8Array(7))).toThrow(/7 bytes are not whole uint32/);
});

test("tensors that do not add up are refused by the value", () => {
  const tensor = (change: object) => ({ ...message(some("INT8"), 2), ...change }) as Tensor__Output;
  const decode = (change: object) => () => decodeActivation(tensor(change), 2);
  expect(decode({ data: Buffer.alloc(5) })).toThrow(/INT8 \[2, 3\] have 5 bytes; they take 6/);
  expect(decode({ shape: [2, 2 ** 32 - 1] })).toThrow(/have 6 bytes; they take 8589934590/);
  expect(decode({ shape: [3, 2] })).toThrow(/2 tokens has hidden states of shape \[3, 2\]/);
  expect(decode({ shape: [6] })).toThrow(/shape \[6\]/);
  expect(decode({ scales: Buffer.alloc(7) })).toThrow(/7 bytes of scales; they take 8/);
  expect(decode({ dtype: "FLOAT16", data: Buffer.alloc(12) })).toThrow(/FLOAT16 have 8 bytes of scales/);
  expect(decode({ dtype: "DATA_TYPE_UNSPECIFIED" })).toThrow(
    /dtype DATA_TYPE_UNSPECIFIED; send one of FLOAT32/,
  );
});
