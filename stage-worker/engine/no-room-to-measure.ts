import { StagecoachError } from "../../common/errors.js";
import { deviceFailureOf, wordsOfFailure } from "./device-failure.js";

/** An error of timing a model in words of use: where memory does not even hold what is timed, no shorter prompt helps. */
export function noRoomToMeasure(reason: unknown): unknown {
  const error = StagecoachError.from(reason);
  if (error.code !== "RESOURCE_EXHAUSTED" || deviceFailureOf(error.cause) !== "memory") return reason;
  const said = wordsOfFailure(StagecoachError.from(error.cause).message);
  const message = `its device has too little free memory even to time a few layers of the model (${said}): end what else uses it, or take another device`;
  return new StagecoachError("RESOURCE_EXHAUSTED", message, { cause: error });
}
