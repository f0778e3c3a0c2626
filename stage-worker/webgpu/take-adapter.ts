import type { ChosenWebGpu } from "./choose-adapter.js";

/**
 * Has this process take a chosen GPU when it first opens WebGPU, which it must not have done before: Vulkan reads its
 * variables once. To be called in the main thread, since those of other threads are copies.
 */
export function takeAdapter({ environment = {} }: Pick<ChosenWebGpu, "environment">): void {
  // biome-ignore lint/style/noProcessEnv: the Vulkan loader reads it, there is no other way to tell it.
  Object.assign(process.env, environment);
}
