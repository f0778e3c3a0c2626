import { expect, test } from "vitest";
import { type LlamaHandles, llamaBatches } from "./llama-batches.js";

/** Stands in for the addon: writes down its calls; row r is followed by token 100 + r. */
function fakeHandles(calls: string[]): LlamaHandles & { readonly context: { _ctx: object } } {
  let rows = 0;
  class AddonSampler {
    applyConfig({ temperature }: { temperature: number }): void {
      calls.push(`temperature ${temperature}`);
    }
  }
  return {
    llama: { _bindings: { AddonSampler } },
    model: { _model: {} },
    context: {
      _ctx: {
        initBatch: (tokens: number) => {
          rows = 0;
          calls.push(`init ${tokens}`);
        },
        addToBatch: (sequence: number, position: number, tokens: Uint32Array, logits: Uint32Array) => {
          calls.push(`add ${sequence} at ${position}: ${tokens.join()}`);
          rows += tokens.length;
          return logits.map((index) => rows - tokens.length + index);
        },
        decodeBatch: async () => void calls.push("decode"),
        sampleToken: async (row: number) => 100 + row,
        disposeSequence: (sequence: number) => calls.push(`clear ${sequence}`),
      },
    },
  };
}

test("a batch is added slice by slice and sampled where it is wanted", async () => {
  const calls: string[] = [];
  const batches = llamaBatches(fakeHandles(calls), 3);
  const tokens = await batches.compute([
    { sequence: 0, position: 4, tokens: [9], samples: true },
    { sequence: 1, position: 0, tokens: [5, 6], samples: false },
    { sequence: 2, position: 2, tokens: [7, 8], samples: true },
  ]);
  batches.clear(2);
  expect(tokens).toEqual([100, 104]);
  expect(calls).toEqual([
    ...Array.from({ length: 3 }, () => "temperature 0"),
    ...["init 5", "add 0 at 4: 9", "add 1 at 0: 5,6", "add 2 at 2: 7,8", "decode", "clear 2"],
  ]);
});

test("a release with other inner objects is refused by name", () => {
  const handles = fakeHandles([]);
  Reflect.deleteProperty(handles.context._ctx, "decodeBatch");
  expect(() => llamaBatches(handles, 1)).toThrow(
    expect.objectContaining({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("no context._ctx.decodeBatch"),
    }),
  );
  expect(() => llamaBatches({ ...fakeHandles([]), llama: {} }, 1)).toThrow("no llama._bindings.AddonSampler");
  expect(() => llamaBatches({ ...fakeHandles([]), context: {} }, 1)).toThrow("no context._ctx");
});
