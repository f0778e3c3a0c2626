import { StagecoachError } from "../common/errors.js";
import { formatAddress, parseListenAddress } from "../common/listen-address.js";

/**
 * The address of the worker number `index`, from 0 on, of a process whose first one has `address`: the port so many
 * further; with port 0 each takes a free one.
 * @param option where the address came from, for messages, e.g. `--listen`
 * @throws StagecoachError INVALID_ARGUMENT where ports end before that
 */
export function portAfter(address: string, index: number, option: string): string {
  const { host, port } = parseListenAddress(address, option);
  if (port === 0 || index === 0) return address;
  if (port + index <= 65_535) return formatAddress(host, port + index);
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${option} ${address}: each device takes a port from that one on, and there is none for number ${index + 1}`,
  );
}
