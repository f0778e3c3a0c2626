import { StagecoachError } from "../../common/errors.js";
import { maxMessageBytes } from "../../common/grpc-options.js";
import { timeLink } from "../../common/time-link.js";
import type { EchoReply } from "../../proto/gen/stagecoach/v1/EchoReply.js";
import type { EchoRequest__Output } from "../../proto/gen/stagecoach/v1/EchoRequest.js";
import type { MeasureLinkReply } from "../../proto/gen/stagecoach/v1/MeasureLinkReply.js";

/**
 * Times the link to another stage's address.
 * @throws StagecoachError INVALID_ARGUMENT without an address, otherwise why the address does not answer
 */
export async function measureLink(address: string, signal: AbortSignal): Promise<MeasureLinkReply> {
  if (address === "") throw new StagecoachError("INVALID_ARGUMENT", "address is empty: give host:port");
  return await timeLink(address, signal);
}

/**
 * The far end of `measureLink`.
 * @throws StagecoachError INVALID_ARGUMENT when more bytes are asked for than a message holds
 */
export function echo({ payload, replyBytes }: EchoRequest__Output): EchoReply {
  if (replyBytes >= maxMessageBytes) {
    const message = `reply_bytes is ${replyBytes}; a message holds less than ${maxMessageBytes}`;
    throw new StagecoachError("INVALID_ARGUMENT", message);
  }
  const reply = Buffer.alloc(replyBytes);
  payload.copy(reply);
  return { payload: reply };
}
