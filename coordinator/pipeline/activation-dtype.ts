import type { ActivationDtype } from "../../common/tensor.js";
import type { Variant } from "../../model/store/manifest.js";

const dtypes = { f32: "FLOAT32", f16: "FLOAT16", bf16: "BFLOAT16", int8: "INT8" } as const;

/** How hidden states are to travel, as an operator says it. */
export type WantedActivationDtype = "auto" | keyof typeof dtypes;

/** Exact weights keep exact hidden states; otherwise float16 is closer to them than the weights' own rounding. */
export function activationDtypeOf(wanted: WantedActivationDtype, variant: Variant): ActivationDtype {
  if (wanted !== "auto") return dtypes[wanted];
  return variant === "f32" ? "FLOAT32" : "FLOAT16";
}
