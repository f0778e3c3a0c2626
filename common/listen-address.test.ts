import { describe, expect, it } from "vitest";
import { formatAddress, listenError, parseListenAddress } from "./listen-address.js";

describe("parseListenAddress", () => {
  it.each([
    ["127.0.0.1:8080", "127.0.0.1", 8080],
    ["localhost:0", "localhost", 0],
    ["[::1]:7070", "::1", 7070],
    [":65535", "0.0.0.0", 65535],
  ])("reads %s", (text, host, port) => {
    expect(parseListenAddress(text, "--http")).toEqual({ host, port });
  });

  it.each(["", "8080", "host", "host:", "host:99999", "host:-1", "::1:80", "a b:80"])(
    "refuses %j",
    (text) => {
      expect(() => parseListenAddress(text, "--http")).toThrow(/--http as host:port/);
    },
  );
});

it("puts brackets around IPv6", () => {
  expect(formatAddress("::1", 80)).toBe("[::1]:80");
  expect(formatAddress("127.0.0.1", 80)).toBe("127.0.0.1:80");
});

it.each([
  ["listen EADDRINUSE: address already in use", "FAILED_PRECONDITION", "taken"],
  ["bind EACCES", "PERMISSION_DENIED", "1023"],
  ["listen EADDRNOTAVAIL", "INVALID_ARGUMENT", "does not have"],
  ["something else", "UNAVAILABLE", "something else"],
])("explains %s", (text, code, named) => {
  const cause = new Error(text);
  const error = listenError(cause, "h:1", "--http");
  expect(error).toMatchObject({ code, cause });
  expect(error.message).toContain(named);
  expect(error.message).toContain("--http");
  expect(error.message).toContain("h:1");
});
