import { expect, it } from "vitest";
import { ProtobufWriter } from "./protobuf-writer.js";

it("writes the examples of the format's own description", () => {
  expect(hex(new ProtobufWriter().integer(1, 150))).toBe("089601");
  expect(hex(new ProtobufWriter().string(2, "testing"))).toBe("120774657374696e67");
  expect(hex(new ProtobufWriter().message(3, (inner) => inner.integer(1, 150)))).toBe("1a03089601");
});

it("writes numbers of all sizes", () => {
  expect(hex(new ProtobufWriter().integer(1, 0))).toBe("0800");
  expect(hex(new ProtobufWriter().integer(1, -2))).toBe("08feffffffffffffffff01");
  expect(hex(new ProtobufWriter().integer(1, 2 ** 53 - 1))).toBe("08ffffffffffffff0f");
  expect(hex(new ProtobufWriter().integer(1, 2n ** 63n - 1n))).toBe("08ffffffffffffffff7f");
  expect(hex(new ProtobufWriter().integer(20, 1))).toBe("a00101");
  expect(hex(new ProtobufWriter().float(2, 1.5))).toBe("150000c03f");
});

it("writes lengths in bytes, not in characters", () => {
  expect(hex(new ProtobufWriter().string(1, "é"))).toBe("0a02c3a9");
  expect(hex(new ProtobufWriter().bytes(1, new Uint8Array(300)))).toBe(`0aac02${"00".repeat(300)}`);
});

function hex(writer: ProtobufWriter): string {
  return Buffer.from(writer.finish()).toString("hex");
}
