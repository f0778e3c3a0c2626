/** Whether a worker that announced this device (`cuda:1`, `webgpu`, `cpu`) computes on a GPU. */
export function isGpu(device: string): boolean {
  return /^(cuda|webgpu)\b/.test(device);
}
