import { describe, expect, it } from "vitest";
import { encodeBlocks } from "../../test/fixtures/encode-blocks.js";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { referenceDecode } from "../../test/fixtures/reference-decoder.js";
import { encodeProduct, encodeVector } from "./encode-product.js";
import type { EncodedProduct, PlainVariant, ProductPart } from "./encoded-product.js";

const inputs = 64;
const random = seededRandom(5);

describe("dense products", () => {
  it("stack parts along their outputs and turn them to [K, N]", () => {
    const parts = [part("q", 3, "F32"), part("k", 2, "F32")];
    const [encoded, ...rest] = encodeProduct("qkv", parts, "f32", { embedding: false });
    expect(rest).toEqual([]);
    expect(encoded?.product).toEqual({
      encoding: "dense",
      name: "qkv",
      inputSize: inputs,
      outputSize: 5,
      weight: "qkv.weight",
      transposed: false,
    });
    expect(encoded?.tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ["qkv.weight", "f32", [inputs, 5]],
    ]);
    expect(matrixOf(encoded)).toEqual(parts.flatMap(valuesOf));
  });

  it("keep an embedding as rows", () => {
    const table = part("embed", 4, "F32");
    const [encoded] = encodeProduct("embed", [table], "f32", { embedding: true });
    expect(encoded?.product).toMatchObject({ transposed: true });
    expect(encoded?.tensors[0]?.shape).toEqual([4, inputs]);
    expect(floatsOf(encoded, "embed.weight")).toEqual(valuesOf(table));
  });

  it("join biases, with zeros for parts that have none", () => {
    const parts = [part("q", 2, "F32", [1, 2]), part("k", 1, "F32"), part("v", 2, "F32", [3, 4])];
    const [encoded] = encodeProduct("qkv", parts, "f32", { embedding: false });
    expect(encoded?.product.bias).toBe("qkv.bias");
    expect(floatsOf(encoded, "qkv.bias")).toEqual([1, 2, 0, 3, 4]);
  });

  it("refuse parts that disagree about their inputs", () => {
    const narrow = { ...part("k", 2, "F32"), info: { ...part("k", 2, "F32").info, shape: [4, 32] } };
    expect(() => encodeProduct("qkv", [part("q", 2, "F32"), narrow], "f32", { embedding: false })).toThrow(
      /product qkv needs matrices with the same number of inputs, got q \[2, 64\], k \[4, 32\]/,
    );
  });
});

describe("products of blocks", () => {
  it.each(["Q4_0", "Q4_1", "Q8_0"] as const)("mean exactly what %s stores", (encoding) => {
    const parts = [part("gate", 3, encoding), part("up", 5, encoding, [1, 2, 3, 4, 5])];
    const [encoded, ...rest] = encodeProduct("gate_up", parts, "as-is", { embedding: false });
    expect(rest).toEqual([]);
    const bits = encoding === "Q8_0" ? 8 : 4;
    expect(encoded?.product).toMatchObject({ encoding: "blocked", bits, blockSize: 32, outputSize: 8 });
    expect(encoded?.product).toHaveProperty("bias", "gate_up.bias");
    const expected = parts.flatMap(valuesOf);
    for (const [i, value] of matrixOf(encoded).entries()) expect(value).toBeCloseTo(expected[i] ?? 0, 5);
    const offsets = encoded?.tensors.find(({ name }) => name === "gate_up.offsets");
    expect(offsets?.shape).toEqual(encoding === "Q4_1" ? [2, 8] : undefined);
  });

  it("stay apart, under the parts' names, where encodings differ", () => {
    const mixed = [part("q", 2, "Q4_1"), part("k", 2, "Q4_0"), part("v", 2, "F32", [1, 2])];
    const products = encodeProduct("qkv", mixed, "as-is", { embedding: false });
    expect(products.map(({ product }) => [product.name, product.encoding])).toEqual([
      ["q", "blocked"],
      ["k", "blocked"],
      ["v", "dense"],
    ]);
    expect(products.map((encoded) => encoded.tensors.map(({ name }) => name))).toEqual([
      ["q.quants", "q.scales", "q.offsets"],
      ["k.quants", "k.scales"],
      ["v.weight", "v.bias"],
    ]);
    for (const [index, encoded] of products.entries()) {
      const expected = valuesOf(mixed[index] as ProductPart);
      for (const [i, value] of matrixOf(encoded).entries()) expect(value).toBeCloseTo(expected[i] ?? 0, 5);
    }
  });

  it.each<[PlainVariant, boolean, string, number]>([
    ["int4", false, "F32", 4],
    ["int4", true, "F32", 8],
    ["int4", false, "Q8_0", 4],
    ["int4", true, "Q4_0", 4],
  ])("have the width of the variant: %s, embedding %s, from %s", (variant, embedding, encoding, bits) => {
    const from = part("embed", 4, encoding as "F32");
    const [encoded] = encodeProduct("embed", [from], variant, { embedding });
    expect(encoded?.product).toMatchObject({ encoding: "blocked", bits });
    const largest = Math.max(...valuesOf(from).map(Math.abs));
    for (const [i, value] of matrixOf(encoded).entries()) {
      expect(Math.abs(value - (valuesOf(from)[i] ?? 0))).toBeLessThan(largest / (bits === 8 ? 200 : 7));
    }
  });

  it("keep the head at 8 bits, and what is 4 bits already as it is", () => {
    const [head] = encodeProduct("head", [part("head", 4, "F32")], "int4", { embedding: false });
    expect(head?.product).toMatchObject({ bits: 8 });
    const stored = part("down", 4, "Q4_1");
    const [down] = encodeProduct("down", [stored], "int4", { embedding: false });
    for (const [i, value] of matrixOf(down).entries()) expect(value).toBeCloseTo(valuesOf(stored)[i] ?? 0, 5);
  });
});

it("vectors become f32", () => {
  const { info, bytes } = part("norm", 1, "F32");
  const vector = encodeVector("norm", { ...info, shape: [inputs] }, bytes, "f32");
  expect(vector).toMatchObject({ name: "norm", dtype: "f32", shape: [inputs] });
  expect([...new Float32Array(vector.data.slice().buffer)]).toEqual(
    valuesOf(part("norm", 1, "F32", undefined, bytes)),
  );
});

function part(
  name: string,
  rows: number,
  encoding: "F32" | "Q4_0" | "Q4_1" | "Q8_0",
  bias?: number[],
  stored?: Uint8Array,
): ProductPart {
  const values = randomFloats(rows * inputs, random);
  const bytes =
    stored ?? (encoding === "F32" ? new Uint8Array(values.buffer) : encodeBlocks(encoding, values));
  return {
    name,
    info: { name, shape: [rows, inputs], encoding, sizeBytes: bytes.length },
    bytes,
    ...(bias && { bias: Float32Array.from(bias) }),
  };
}

function valuesOf({ info, bytes }: ProductPart): number[] {
  if (info.encoding === "Q4_0" || info.encoding === "Q4_1" || info.encoding === "Q8_0") {
    return referenceDecode(info.encoding, bytes);
  }
  return [...new Float32Array(bytes.slice().buffer)];
}

function floatsOf(encoded: EncodedProduct | undefined, name: string): number[] {
  const tensor = encoded?.tensors.find((candidate) => candidate.name === name);
  return [...new Float32Array((tensor?.data ?? new Uint8Array(0)).slice().buffer)];
}

/** `[outputs, inputs]`, as the manifest says it is to be read. */
function matrixOf(encoded: EncodedProduct | undefined): number[] {
  const product = encoded?.product;
  if (!product) throw new Error("nothing was encoded");
  const { inputSize, outputSize, name } = product;
  const each = (weight: (row: number, column: number) => number) =>
    Array.from({ length: outputSize * inputSize }, (_, i) =>
      weight(Math.floor(i / inputSize), i % inputSize),
    );
  if (product.encoding === "dense") {
    const values = floatsOf(encoded, product.weight);
    return each(
      (row, column) =>
        (product.transposed ? values[row * inputSize + column] : values[column * outputSize + row]) ??
        Number.NaN,
    );
  }
  if (product.encoding !== "blocked") throw new Error(`${name} is ${product.encoding}`);
  const quants = encoded?.tensors.find((tensor) => tensor.name === `${name}.quants`)?.data ?? [];
  const scales = floatsOf(encoded, product.scales);
  const offsets = product.offsets ? floatsOf(encoded, product.offsets) : undefined;
  const blocks = inputSize / product.blockSize;
  return each((row, column) => {
    const block = Math.floor(column / product.blockSize);
    const at = row * inputSize + column;
    const level =
      product.bits === 8
        ? (quants[at] ?? Number.NaN) - 128
        : (((quants[at >> 1] ?? Number.NaN) >> (at % 2 === 0 ? 0 : 4)) & 15) - 8;
    return level * (scales[row * blocks + block] ?? Number.NaN) + (offsets?.[block * outputSize + row] ?? 0);
  });
}
