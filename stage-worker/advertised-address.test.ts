import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { advertisedAddress } from "./advertised-address.js";

const network = (family: "IPv4" | "IPv6", address: string, internal = false) =>
  ({ family, address, internal }) as NetworkInterfaceInfo;

test("an address of one interface is what others use", () => {
  expect(advertisedAddress("127.0.0.1:7071", {})).toBe("127.0.0.1:7071");
  expect(advertisedAddress("worker-3:7071", {})).toBe("worker-3:7071");
});

test("all interfaces become the first one that others see", () => {
  const interfaces = {
    lo: [network("IPv4", "127.0.0.1", true)],
    eth0: [network("IPv6", "fe80::1"), network("IPv4", "10.1.2.3")],
    eth1: [network("IPv4", "10.9.9.9")],
  };
  expect(advertisedAddress("0.0.0.0:5000", interfaces)).toBe("10.1.2.3:5000");
  expect(advertisedAddress("[::]:5000", interfaces)).toBe("10.1.2.3:5000");
  expect(advertisedAddress("0.0.0.0:5000", {})).toBe("127.0.0.1:5000");
});
