import { describe, expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { deviceFailureOf, deviceLost, isDeviceLost, wordsOfFailure } from "./device-failure.js";

describe("what an error of a device means", () => {
  test.each([
    "Non-zero status code returned while running MatMul node. Name:'/x' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 939524096",
    "CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=cuda_allocator.cc ; line=48 ; expr=cudaMalloc((void**)&p, size);",
    "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; file=cuda_stream_handle.cc ; expr=cublasCreate(&cublas_handle_);",
    "CUBLAS failure 3: the resource allocation failed ; GPU=0",
    "Failed to create GPU buffer: size=4294967296, usage=140",
    "Requested buffer size (5368709120) exceeds device limit (4294967292).",
    "shader_helper.cc:306 numbers_storage_buffers_ <= limits_.maxStorageBuffersPerShaderStage was false. Too many storage buffers in shader. Current: 24, Max is 16",
  ])("no room: %s", (message) => expect(deviceFailureOf(new Error(message))).toBe("memory"));

  test.each([
    "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=h ; file=x.cc ; line=1",
    "CUDA failure 719: unspecified launch failure ; GPU=0",
    "CUDA failure 46: CUDA-capable device(s) is/are busy or unavailable ; GPU=0",
    "CUBLAS failure 13: the GPU program failed to execute ; GPU=0",
    "WebGPU device lost (1): vkQueueSubmit failed with VK_ERROR_DEVICE_LOST",
    "[Device] is lost.",
    "map_async_result.status == wgpu::MapAsyncStatus::Success was false. Failed to download data from buffer. wgpu::MapAsyncStatus value: 4",
  ])("lost: %s", (message) => expect(deviceFailureOf(new Error(message))).toBe("lost"));

  test.each([
    "CUDA failure 101: invalid device ordinal ; GPU=7",
    "CUDA failure 9: invalid configuration argument ; GPU=0",
    "CUDA failure 209: no kernel image is available for execution on the device",
    "Got invalid dimensions for input: tokens",
  ])("neither: %s", (message) => expect(deviceFailureOf(new Error(message))).toBeUndefined());
});

test.each([
  [
    "/src/cuda_call.cc:154 onnxruntime::CudaCall(ERRTYPE) [with ERRTYPE = cublasStatus_t; bool THRW = true] CUBLAS failure 3: the resource allocation failed ; GPU=0 ; hostname=vm ; line=79",
    "CUBLAS failure 3: the resource allocation failed",
  ],
  [
    "Name:'/x' Status Message: /src/bfc_arena.cc:376 void* Alloc(size_t) Failed to allocate memory for requested buffer of size 93\n",
    "Failed to allocate memory for requested buffer of size 93",
  ],
  ["[Device] is lost.\n", "[Device] is lost."],
])("what is said of a failure is told without where: %s", (message, told) =>
  expect(wordsOfFailure(message)).toBe(told),
);

test("a lost device is known through what was made of its error", () => {
  const error = deviceLost("CUDA device 0 is lost");
  expect(error.code).toBe("UNAVAILABLE");
  expect(isDeviceLost(new StagecoachError("UNAVAILABLE", "stage 1", { cause: error }))).toBe(true);
  expect(isDeviceLost(new StagecoachError("UNAVAILABLE", "the stream broke off"))).toBe(false);
  expect(isDeviceLost(new Error("x"))).toBe(false);
});
