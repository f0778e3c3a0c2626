import { expect, test } from "vitest";
import { portAfter } from "./port-after.js";

test("each worker of a process has the next port", () => {
  const ports = (address: string) => [0, 1, 2].map((index) => portAfter(address, index, "--listen"));
  expect(ports("10.0.0.2:7071")).toEqual(["10.0.0.2:7071", "10.0.0.2:7072", "10.0.0.2:7073"]);
  expect(ports("[fd00::1]:7071")[2]).toBe("[fd00::1]:7073");
  expect(ports("127.0.0.1:0")).toEqual(["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"]);
});

test("ports end", () => {
  expect(portAfter("h:65534", 1, "--advertise")).toBe("h:65535");
  expect(() => portAfter("h:65534", 2, "--advertise")).toThrow(
    "--advertise h:65534: each device takes a port from that one on, and there is none for number 3",
  );
});
