import { expect, test } from "vitest";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { openMatrixProduct } from "./matrix-product.js";
import { roundWeights } from "./round-weights.js";
import { RoundingPool } from "./rounding-pool.js";

function jobOf(inputSize: number, outputSize: number) {
  const random = seededRandom(inputSize);
  const gram = new Float32Array(inputSize * inputSize);
  for (let i = 0; i < inputSize; i++) {
    gram[i * inputSize + i] = 1;
    if (i > 0) gram[i * inputSize + i - 1] = gram[(i - 1) * inputSize + i] = 0.4;
  }
  return { weight: randomFloats(inputSize * outputSize, random), gram, inputSize };
}

test.each([
  ["small jobs, here", 40, 30],
  ["large jobs, in threads", 400, 300],
])("%s, come out as they do alone", { timeout: 60_000 }, async (_name, inputs, outputs) => {
  const jobs = [jobOf(inputs, outputs), jobOf(inputs + 1, outputs), jobOf(inputs, outputs + 1)];
  const pool = new RoundingPool(2);
  const rounded = await Promise.all(jobs.map((job) => pool.round(job)));
  await pool.close();
  const product = await openMatrixProduct();
  for (const [i, { weight, gram, inputSize }] of jobs.entries()) {
    expect(rounded[i]).toEqual(await roundWeights(weight, gram, inputSize, product));
  }
  await product.close();
});

test("a closed pool fails what it has not finished", { timeout: 60_000 }, async () => {
  const pool = new RoundingPool(1);
  const failed = expect(pool.round(jobOf(400, 300))).rejects.toMatchObject({ code: "INTERNAL" });
  await pool.close();
  await failed;
});
