import type { Socket } from "node:net";

/** Hears once, and never at once, when a socket is gone, also when it was before. */
export function watchSocket(socket: Socket, onGone: (cause?: Error) => void): void {
  let over = false;
  const gone = (cause?: Error): void => {
    if (!over) onGone(cause);
    over = true;
  };
  socket.on("error", gone);
  socket.on("close", () => gone());
  if (socket.destroyed) setImmediate(gone);
}
