import { expect, test } from "vitest";
import { countTopLevelKeys } from "./json-keys.js";

test.each([
  ["{}", 0],
  ['{"a": 1}', 1],
  ['{"a": 1, "a": 2}', 2],
  ['{"a": {"b": 1, "b": {}}, "c": [{"d": 1}]}', 2],
  ['{"a:\\"b:": ":", "\\\\": "{\\"", "}": 1}', 3],
  ["[1]", 0],
])("%s", (json, keys) => {
  JSON.parse(json);
  expect(countTopLevelKeys(json)).toBe(keys);
});
