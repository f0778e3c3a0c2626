/** What the thread is started with. */
export interface SocketThreadData {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** What is to become of a connection, other than that something is written. */
export const socketCommand = {
  /** Nothing more is written. */
  end: 0,
  /** Closes at once. */
  destroy: 1,
  /** Closes when all is written. */
  destroySoon: 2,
  pause: 3,
  resume: 4,
} as const;

/** As long as so much was written and not taken, a connection is written nothing more: characters or bytes. */
export const windowLength = 64 * 1024;

/** Text or bytes to write, or a command. */
export type SocketOrder = string | Uint8Array | (typeof socketCommand)[keyof typeof socketCommand];

/** To the thread. Orders are those of one turn of the event loop, each for the connection of the same place. */
export type ToSockets =
  | { readonly kind: "orders"; readonly ids: readonly number[]; readonly orders: readonly SocketOrder[] }
  /** Takes no more connections, and ends when the last one is gone. */
  | { readonly kind: "stop" };

/** From the thread: `listening` or `refused` first. */
export type FromSockets =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "opened"; readonly id: number; readonly remoteAddress: string | undefined }
  | ConnectionNews;

/** What became of an open connection. */
export type ConnectionNews =
  | { readonly kind: "received"; readonly id: number; readonly bytes: Uint8Array }
  /** The client writes no more. */
  | { readonly kind: "ended"; readonly id: number }
  /** So much of what was written (characters or bytes) is in the network's hands or about to be. */
  | { readonly kind: "taken"; readonly id: number; readonly length: number }
  | { readonly kind: "closed"; readonly id: number; readonly error?: SocketError };

/** What a connection broke with. */
export interface SocketError {
  readonly message: string;
  readonly code: string | undefined;
}
