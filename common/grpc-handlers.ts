import { once } from "node:events";
import type { Readable } from "node:stream";
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
} from "@grpc/grpc-js";
import { StagecoachError } from "./errors.js";
import { toServiceError } from "./grpc-error.js";

/** What a handler may know about its call. */
export interface CallContext {
  /**
   * Aborts when the client cancels, goes away or its deadline passes; the reason is a StagecoachError
   * CANCELLED or DEADLINE_EXCEEDED. Also aborts, harmlessly, after the call has ended.
   */
  readonly signal: AbortSignal;
  /** Address of the caller, for logs. */
  readonly peer: string;
  readonly metadata: Metadata;
}

/** A unary method from a function; what it throws becomes the call's status. */
export function unaryHandler<Request, Reply>(
  handle: (request: Request, context: CallContext) => Reply | Promise<Reply>,
): handleUnaryCall<Request, Reply> {
  return (call, callback) => {
    settle(
      () => handle(call.request, contextOf(call)),
      (reply) => callback(null, reply),
      (error) => callback(error),
    );
  };
}

/** A server-streaming method from a generator; it is pulled only as fast as the client reads. */
export function serverStreamHandler<Request, Reply>(
  handle: (request: Request, context: CallContext) => AsyncIterable<Reply>,
): handleServerStreamingCall<Request, Reply> {
  return writerHandler((request: Request, context, write) => writeAll(handle(request, context), write));
}

/** Takes a reply; a promise when the client reads slower than it is written to. Throws the signal's reason. */
export type WriteReply<Reply> = (reply: Reply) => void | Promise<void>;

/** A server-streaming method that writes its replies itself. */
export function writerHandler<Request, Reply>(
  handle: (request: Request, context: CallContext, write: WriteReply<Reply>) => Promise<void>,
): handleServerStreamingCall<Request, Reply> {
  return (call) => {
    const context = contextOf(call);
    settle(
      () => handle(call.request, context, writerOf(call, context.signal)),
      () => call.end(),
      (error) => fail(call, error),
    );
  };
}

/** A bidirectional method from a generator over the requests. */
export function bidiHandler<Request, Reply>(
  handle: (requests: AsyncIterable<Request>, context: CallContext) => AsyncIterable<Reply>,
): handleBidiStreamingCall<Request, Reply> {
  return (call) => {
    const context = contextOf(call);
    settle(
      () => writeAll(handle(requestsOf<Request>(call), context), writerOf(call, context.signal)),
      () => call.end(),
      (error) => fail(call, error),
    );
  };
}

/** Leaving a plain loop over a call by a throw destroys the call, and its status would never be sent. */
function requestsOf<Request>(call: Readable): AsyncIterable<Request> {
  return { [Symbol.asyncIterator]: () => call.iterator({ destroyOnReturn: false }) };
}

interface AnyCall {
  readonly cancelled: boolean;
  readonly metadata: Metadata;
  getPeer(): string;
  getDeadline(): Date | number;
  once(event: "cancelled", listener: () => void): unknown;
}

function contextOf(call: AnyCall): CallContext {
  const controller = new AbortController();
  const abort = () => controller.abort(reasonOf(call));
  if (call.cancelled) abort();
  else call.once("cancelled", abort);
  return { signal: controller.signal, peer: call.getPeer(), metadata: call.metadata };
}

function reasonOf(call: AnyCall): StagecoachError {
  const late = Number(call.getDeadline()) <= Date.now();
  return late
    ? new StagecoachError("DEADLINE_EXCEEDED", "the call's deadline passed before it was done")
    : new StagecoachError("CANCELLED", "the client cancelled the call or went away");
}

interface Writer<Reply> extends AnyCall, NodeJS.EventEmitter {
  write(reply: Reply): boolean;
  once(event: string, listener: (...values: unknown[]) => void): this;
}

/** Leaving the loop, also by a throw, ends the generator, which frees what it holds. */
async function writeAll<Reply>(replies: AsyncIterable<Reply>, write: WriteReply<Reply>): Promise<void> {
  for await (const reply of replies) await write(reply);
}

function writerOf<Reply>(call: Writer<Reply>, signal: AbortSignal): WriteReply<Reply> {
  return (reply) => {
    if (signal.aborted) throw signal.reason;
    return call.write(reply) ? undefined : drained(call, signal);
  };
}

/** A write that failed never drains, so the signal ends the wait too. */
async function drained(call: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  try {
    await once(call, "drain", { signal });
  } catch (reason) {
    throw signal.aborted ? signal.reason : reason;
  }
}

/** grpc-js sends the status of an emitted error after the messages already written. */
function fail<Reply>(call: Writer<Reply>, error: Error): void {
  if (!call.cancelled) call.emit("error", error);
}

/** Throws of `run` itself count like rejections. */
function settle<Value>(
  run: () => Value | Promise<Value>,
  succeed: (value: Value) => void,
  fail: (error: ReturnType<typeof toServiceError>) => void,
): void {
  const running = (async () => await run())();
  running.then(succeed, (reason: unknown) => fail(toServiceError(reason)));
}
