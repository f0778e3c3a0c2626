import { expect, test } from "vitest";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import { checkMemory, checkNode, gradeProcessor, runChecks } from "./checks.js";

test.each([
  ["20.11.0", "good"],
  ["24.0.0", "good"],
  ["20.10.9", "bad"],
  ["18.19.0", "bad"],
])("Node %s is %s", (version, grade) => expect(checkNode(version).grade).toBe(grade));

test("a processor is graded by what int8 products need", () => {
  const grade = (...flags: string[]) => gradeProcessor("2 processors", new Set(flags)).grade;
  expect(grade("avx2", "avx512f", "avx512_vnni")).toBe("good");
  expect(grade("avx2", "avx_vnni")).toBe("good");
  expect(grade("avx2")).toBe("poor");
  expect(grade("sse4_2")).toBe("poor");
});

test("little memory comes with a remedy", () => {
  expect(checkMemory({ freeBytes: 2 ** 31, totalBytes: 2 ** 33 })).not.toHaveProperty("remedy");
  expect(checkMemory({ freeBytes: 2 ** 28, totalBytes: 2 ** 33 })).toMatchObject({
    fact: "256.0 MiB free of 8.0 GiB",
    remedy: expect.any(String),
  });
});

test("every check answers, and each that is not good has a remedy", async () => {
  const findings = await runChecks({ home: await temporaryHome(), http: "127.0.0.1:0", grpc: "127.0.0.1:0" });
  const names = [
    "Node",
    "ONNX Runtime",
    "Processor",
    "Memory",
    "NVIDIA GPUs",
    "CUDA provider",
    "WebGPU",
    "Disk",
    "HTTP port",
    "gRPC port",
    "nats-server",
    "pip",
  ];
  expect(findings.map(({ name }) => name)).toEqual(names);
  for (const { grade, remedy } of findings) expect(remedy === undefined).toBe(grade === "good");
});
