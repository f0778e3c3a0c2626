import type { ChannelOptions, ServerOptions } from "@grpc/grpc-js";

/** Longest message either side sends or takes, bytes; a frame with more hidden state than this is cut by the scheduler. */
export const maxMessageBytes: number = 64 * 1024 * 1024;

const shared = {
  "grpc.max_send_message_length": maxMessageBytes,
  "grpc.max_receive_message_length": maxMessageBytes,
  // The default of 64 KiB stalls a 1 ms link at 64 MB/s.
  "grpc-node.flow_control_window": 8 * 1024 * 1024,
  // A half-open connection is noticed even where no heartbeat runs over it.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 10_000,
} as const satisfies ChannelOptions;

/** For every gRPC client of the project. */
export const channelOptions: ChannelOptions = {
  ...shared,
  "grpc.keepalive_permit_without_calls": 1,
  // Stages talk to each other directly, whatever proxy the environment names.
  "grpc.enable_http_proxy": 0,
  // A retried call would buffer every message of a long stream.
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

/** For every gRPC server of the project. */
export const serverOptions: ServerOptions = { ...shared };
