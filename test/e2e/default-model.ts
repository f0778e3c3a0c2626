import { join } from "node:path";
import { packageRoot } from "../../common/package-root.js";

/** The default model's GGUF, where the set-up puts it. */
export const defaultModelPath: string = join(packageRoot, ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf");
