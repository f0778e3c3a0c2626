import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, expect, test } from "vitest";
import { createLogger } from "../../common/log.js";
import { type HttpServer, startHttp } from "../../coordinator/gateway/http-server.js";
import { type FakeTokenPort, type Script, silence, spell } from "../fixtures/fake-token-port.js";
import { inferenceOverPort } from "../fixtures/inference-over-port.js";

const servers: HttpServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close(0))));

async function start(
  script: Script,
  maxContext?: number,
): Promise<{ server: HttpServer; port: FakeTokenPort }> {
  const { inference, metrics, port } = inferenceOverPort(script, maxContext);
  const log = createLogger({ name: "test", level: "silent" });
  const status = () => ({ serving: true, detail: "" });
  const server = await startHttp({ inference, status, log, metrics, listen: "127.0.0.1:0" });
  servers.push(server);
  return { server, port };
}

const complete = ({ address }: HttpServer, body: object): Promise<Response> =>
  fetch(`http://${address}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ prompt: "hi", ...body }),
    headers: { "content-type": "application/json" },
  });

/** A request as bytes, for what fetch does not send. */
function send(server: HttpServer, body: object, first: string, ...headers: string[]): Socket {
  const json = JSON.stringify({ prompt: "hi", ...body });
  const all = ["host: here", "content-type: application/json", `content-length: ${json.length}`, ...headers];
  const socket = connect(server.port, "127.0.0.1");
  socket.write(`POST /v1/completions ${first}\r\n${all.join("\r\n")}\r\n\r\n${json}`);
  return socket;
}

test("answers, whole and streamed, come over connections of another thread", async () => {
  const { server } = await start(() => spell("añ🙂b"));
  expect(await (await complete(server, {})).json()).toMatchObject({ choices: [{ text: "añ🙂b" }] });
  const streamed = await complete(server, { stream: true });
  expect(streamed.headers.get("transfer-encoding")).toBe("chunked");
  const events = (await streamed.text()).split("\n\n").filter((event) => event !== "");
  expect(events.at(-1)).toBe("data: [DONE]");
  const texts = events.slice(0, -1).map((event) => JSON.parse(event.slice(6)).choices[0].text);
  expect(texts.join("")).toBe("añ🙂b");
});

test("a connection is used for the next request, and closed when that asks for it", async () => {
  const { server } = await start(() => spell("ab"));
  const socket = send(server, { stream: true }, "HTTP/1.1");
  let replies = "";
  socket.on("data", (bytes) => {
    replies += bytes;
    if (replies.endsWith("0\r\n\r\n") && !replies.includes("/models")) replies += "/models";
    else return;
    socket.write("GET /v1/models HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
  });
  await once(socket, "close");
  expect(replies).toMatch(/data: \[DONE\][\s\S]*HTTP\/1\.1 200 OK[\s\S]*"object":"list"/);
});

test("HTTP 1.0 gets its events unframed, up to the end of the connection", async () => {
  const { server } = await start(() => spell("ab"));
  const reply = await text(send(server, { stream: true }, "HTTP/1.0"));
  expect(reply).not.toMatch(/transfer-encoding/i);
  expect(reply).toMatch(/\r\n\r\ndata: \{[^\n]*\n\n[\s\S]*\n\ndata: \[DONE\]\n\n$/);
});

test("a client that goes away frees its request", async () => {
  let begun = (): void => undefined;
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let freed = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    freed = resolve;
  });
  const { server } = await start(async function* (request, signal) {
    begun();
    signal.addEventListener("abort", freed, { once: true });
    yield* silence(request, signal);
  });
  const socket = send(server, { stream: true }, "HTTP/1.1");
  await running;
  socket.destroy();
  await ended;
});

test("a client that does not read holds its events back, and gets all of them once it does", async () => {
  const count = 4_000;
  // Long events, some 10 MB together: the kernel keeps a few for a client.
  const top = Array.from({ length: 128 }, (_, index) => ({ tokenId: 128 + index, logprob: -1 }));
  let taken = 0;
  const { server } = await start(function* () {
    for (; taken < count; taken++) {
      yield { tokenId: 97, logprob: 0, top, ...(taken === count - 1 && { finished: "length" }) };
    }
  }, 2 * count);
  const body = { stream: true, max_tokens: count, logprobs: 1 };
  const socket = send(server, body, "HTTP/1.1");
  // It stops at some number that a whole request of somebody else does not change.
  for (let before = -1; before !== taken || taken === 0; ) {
    before = taken;
    await (await fetch(`http://${server.address}/healthz`)).text();
  }
  expect(taken).toBeLessThan(count - 1);
  let reply = "";
  for await (const bytes of socket) {
    reply += bytes;
    if (reply.endsWith("[DONE]\n\n\r\n0\r\n\r\n")) break;
  }
  expect(reply.match(/"text":"a"/g)).toHaveLength(count);
});

test("a taken port is named", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const { inference, metrics } = inferenceOverPort(() => spell("x"));
  const log = createLogger({ name: "test", level: "silent" });
  const status = () => ({ serving: true, detail: "" });
  await expect(
    startHttp({ inference, status, log, metrics, listen: `127.0.0.1:${port}` }),
  ).rejects.toMatchObject({ code: "FAILED_PRECONDITION", message: expect.stringContaining(`${port}`) });
  taken.close();
});

test("closing ends idle connections at once and running requests with their reason", async () => {
  const { server, port } = await start(silence);
  const idle = connect(server.port, "127.0.0.1");
  await once(idle, "connect");
  const answer = complete(server, {});
  while (port.running() === 0) await new Promise(setImmediate);
  const idleClosed = once(idle, "close");
  await server.close(0);
  await idleClosed;
  expect((await answer).status).toBe(503);
  await expect(fetch(`http://${server.address}/healthz`)).rejects.toThrow();
});
