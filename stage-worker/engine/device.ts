/** What computes. */
export type Device = "cpu" | "cuda" | "webgpu" | "simulated";
