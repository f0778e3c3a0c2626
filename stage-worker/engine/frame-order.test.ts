import { expect, test } from "vitest";
import { placeOfFrame } from "./frame-order.js";

test("frames follow one another without gaps from 1", () => {
  expect(placeOfFrame({ epoch: 3, step: 1 }, { epoch: 3, step: 0 })).toBe("next");
  expect(() => placeOfFrame({ epoch: 3, step: 2 }, { epoch: 3, step: 0 })).toThrow(
    /step 2 where step 1 was due/,
  );
  expect(() => placeOfFrame({ epoch: 3, step: 7 }, { epoch: 3, step: 7 })).toThrow(
    /step 7 where step 8 was due/,
  );
});

test("an older epoch is a ghost whatever its step, a newer one is refused", () => {
  expect(placeOfFrame({ epoch: 2, step: 99 }, { epoch: 3, step: 5 })).toBe("ghost");
  expect(() => placeOfFrame({ epoch: 4, step: 6 }, { epoch: 3, step: 5 })).toThrow(
    /epoch 4, and epoch 3 is loaded/,
  );
  expect(() => placeOfFrame({ epoch: 4, step: 1 }, { epoch: 0, step: 0 })).toThrow(/nothing is loaded here/);
});
