import { fileURLToPath } from "node:url";
import { StagecoachError } from "../../common/errors.js";
import { jsonLines } from "./json-lines.js";

/** What is to be held, and where. */
export interface HoldOptions {
  readonly device: string;
  /** Root of a home with room for its files. */
  readonly home: string;
  /** What is left free, in bytes. */
  readonly leaveBytes: number;
  readonly signal: AbortSignal;
}

/**
 * Runs `body` while another process holds all of a GPU's memory but so much.
 * @param body is given what was free then, by the driver
 * @throws StagecoachError why it cannot be held, and what `body` throws
 */
export async function whileHeld<Result>(
  { device, home, leaveBytes, signal }: HoldOptions,
  body: (freeBytes: number) => Promise<Result>,
): Promise<Result> {
  const script = fileURLToPath(new URL("./memory-holder.js", import.meta.url));
  const args = [script, "--device", device, "--home", home, "--leave", String(leaveBytes)];
  const holder = { name: "memory-holder", command: process.execPath, args, signal };
  for await (const { freeBytes } of jsonLines(holder)) return await body(Number(freeBytes));
  throw new StagecoachError("UNAVAILABLE", "memory-holder ended before it held anything");
}
