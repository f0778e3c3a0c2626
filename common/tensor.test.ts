import { expect, test } from "vitest";
import type { Tensor__Output } from "../proto/gen/stagecoach/v1/Tensor.js";
import { decodeTensor, encodeTensor, float32View, type TensorDtype, uint32View } from "./tensor.js";

const dtypes: TensorDtype[] = ["FLOAT32", "FLOAT16", "BFLOAT16"];

test.each(dtypes)("%s tensors come back with their shape", (dtype) => {
  const values = Float32Array.of(0, 1, -2, 0.5, 128, -0.25);
  const decoded = decodeTensor(encodeTensor({ values, shape: [2, 3] }, dtype) as Tensor__Output);
  expect(decoded).toEqual({ values, shape: [2, 3] });
  const empty = { values: new Float32Array(0), shape: [0, 576] };
  expect(decodeTensor(encodeTensor(empty, dtype) as Tensor__Output)).toEqual(empty);
});

test("a decoded tensor owns exactly its memory", () => {
  const message = encodeTensor({ values: Float32Array.of(1, 2, 3), shape: [3] }) as Tensor__Output;
  const { values } = decodeTensor(message);
  expect(values.buffer).not.toBe(message.data.buffer);
  expect(values.buffer.byteLength).toBe(12);
});

test("views take bytes at any offset", () => {
  const words = Uint32Array.of(7, 2 ** 32 - 1);
  for (let offset = 0; offset < 8; offset++) {
    const bytes = new Uint8Array(offset + 8);
    bytes.set(new Uint8Array(words.buffer), offset);
    expect(uint32View(bytes.subarray(offset))).toEqual(words);
  }
  const aligned = new Uint8Array(8);
  expect(float32View(aligned).buffer).toBe(aligned.buffer);
  expect(() => float32View(new Uint8Array(7))).toThrow(/7 bytes are not whole float32/);
});

test("tensors that do not add up are refused by the value", () => {
  const tensor = (shape: number[], sizeBytes: number, dtype = "FLOAT32") =>
    ({ dtype, shape, data: Buffer.alloc(sizeBytes) }) as Tensor__Output;
  expect(() => decodeTensor(tensor([2, 3], 20))).toThrow(/FLOAT32 \[2, 3\] has 20 bytes; it takes 24/);
  expect(() => decodeTensor(tensor([2 ** 31, 2 ** 31], 0))).toThrow(/too many elements/);
  expect(() => decodeTensor(tensor([2 ** 32 - 1, 2 ** 32 - 1, 0], 0))).toThrow(/too many elements/);
  expect(() => decodeTensor(tensor([2], 8, "DATA_TYPE_UNSPECIFIED"))).toThrow(/dtype DATA_TYPE_UNSPECIFIED/);
  expect(() => decodeTensor(tensor([2], 8, "9"))).toThrow(/dtype 9; send one of FLOAT32/);
  expect(() => encodeTensor({ values: new Float32Array(3), shape: [2, 2] })).toThrow(/3 values do not fill/);
});
