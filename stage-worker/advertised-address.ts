import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { formatAddress, parseListenAddress } from "../common/listen-address.js";

/**
 * Where others reach a server that listens on `address`: the address itself, or, where it listens on all
 * interfaces, the machine's first address that is not its loopback.
 */
export function advertisedAddress(
  address: string,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): string {
  const { host, port } = parseListenAddress(address, "--listen");
  if (host !== "0.0.0.0" && host !== "::") return address;
  const candidates = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const reachable = candidates.filter(({ internal, family }) => !internal && family === "IPv4");
  return formatAddress(reachable[0]?.address ?? "127.0.0.1", port);
}
