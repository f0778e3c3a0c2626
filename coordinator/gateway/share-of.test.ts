import { expect, test } from "vitest";
import { shareOf } from "./share-of.js";

test("a key counts before a user, however it is written, and is not kept", () => {
  const share = shareOf("Bearer sk-secret", "me");
  expect(shareOf("bearer   sk-secret", undefined)).toBe(share);
  expect(shareOf("Bearer sk-other", "me")).not.toBe(share);
  expect(share).not.toContain("secret");
});

test("without a key a user has a share, and all others one together", () => {
  expect(shareOf(undefined, "me")).toBe(shareOf("", "me"));
  expect(shareOf(undefined, "me")).not.toBe(shareOf(undefined, "you"));
  expect(shareOf(undefined, "me")).not.toBe(shareOf("me", undefined));
  expect([shareOf(undefined, undefined), shareOf(undefined, "")]).toEqual([undefined, undefined]);
});
