import { expect, it } from "vitest";
import { float16ToFloat32, float32ToFloat16 } from "../../common/half-float.js";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { encodeProduct, encodeVector } from "./encode-product.js";
import type { ProductPart } from "./encoded-product.js";

const inputs = 64;
const random = seededRandom(3);

it("stacks what is stored as f16 and what is not, turned to [K, N]", () => {
  const values = randomFloats(3 * inputs, random);
  const wide = randomFloats(2 * inputs, random);
  // At an odd place in memory, as it may come out of a file.
  const halves = new Uint8Array([0, ...new Uint8Array(float32ToFloat16(values).buffer)]).subarray(1);
  const parts = [part("q", "F16", halves, [1, 2, 3]), part("k", "F32", new Uint8Array(wide.buffer))];
  const [encoded, ...rest] = encodeProduct("qkv", parts, "f16", { embedding: false });
  expect(rest).toEqual([]);
  expect(encoded?.product).toMatchObject({ encoding: "dense", outputSize: 5, transposed: false });
  expect(encoded?.tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
    ["qkv.weight", "f16", [inputs, 5]],
    ["qkv.bias", "f16", [5]],
  ]);
  const [weight, bias] = (encoded?.tensors ?? []).map(({ data }) => floatsOf(data));
  const rounded = float16ToFloat32(float32ToFloat16(Float32Array.from([...values, ...wide])));
  for (const [index, value] of rounded.entries()) {
    const [row, column] = [Math.floor(index / inputs), index % inputs];
    expect(weight?.[column * 5 + row]).toBe(value);
  }
  expect(bias).toEqual(Float32Array.of(1, 2, 3, 0, 0));
});

it("keeps an embedding as rows", () => {
  const halves = float32ToFloat16(randomFloats(4 * inputs, random));
  const table = part("embed", "F16", new Uint8Array(halves.buffer));
  const [encoded] = encodeProduct("embed", [table], "f16", { embedding: true });
  expect(encoded?.product).toMatchObject({ transposed: true });
  expect(encoded?.tensors[0]?.data).toEqual(new Uint8Array(halves.buffer));
});

it.each([
  ["F32", new Uint8Array(Float32Array.of(1, 65_520).buffer), "65520"],
  ["F16", new Uint8Array(Uint16Array.of(0, 0x7c00).buffer), "inf or NaN"],
] as const)("refuses a value stored as %s that f16 does not hold", (encoding, bytes, value) => {
  const info = { name: "norm", shape: [2], encoding, sizeBytes: bytes.length };
  expect(() => encodeVector("norm", info, bytes, "f16")).toThrow(`norm has a weight of ${value}, which f16`);
});

function part(name: string, encoding: "F16" | "F32", bytes: Uint8Array, bias?: number[]): ProductPart {
  const rows = bytes.length / (encoding === "F16" ? 2 : 4) / inputs;
  const info = { name, shape: [rows, inputs], encoding, sizeBytes: bytes.length };
  return { name, info, bytes, ...(bias && { bias: Float32Array.from(bias) }) };
}

function floatsOf(data: Uint8Array): Float32Array {
  return float16ToFloat32(new Uint16Array(data.slice().buffer));
}
