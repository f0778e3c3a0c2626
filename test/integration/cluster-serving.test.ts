import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  makeGenericClientConstructor,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { service as healthService } from "grpc-health-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { goldenPrompts, goldenRun } from "../fixtures/golden-runs.js";
import { all, postJson, serverEvents } from "../fixtures/http-client.js";
import { generate, startUp, statusWhere, type TestCoordinator } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";

const scope = new Scope();
let cluster: TestCoordinator;

beforeAll(async () => {
  cluster = await startUp(scope, ["--stages", "2"]);
});
afterAll(() => scope.end());

const golden = goldenPrompts("stories260k.json").find(({ id }) => id === "start") ?? never();
const greedy = { prompt: golden.prompt, temperature: 0, max_tokens: 64, ignore_eos: true };

interface Chunk {
  readonly choices: readonly { readonly text: string; readonly finish_reason: string | null }[];
  readonly usage?: { readonly total_tokens: number } | null;
}

test("a completion streams piece by piece, then its usage, then [DONE]", async () => {
  const response = await postJson(`${cluster.http}/v1/completions`, {
    ...greedy,
    stream: true,
    stream_options: { include_usage: true },
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const events = await all(serverEvents(response));
  expect(events.at(-1)).toBe("[DONE]");
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event) as Chunk);
  const last = chunks.pop();
  expect(last).toMatchObject({
    choices: [],
    usage: { prompt_tokens: 5, completion_tokens: 64, total_tokens: 69 },
  });
  expect(chunks.length).toBeGreaterThan(10);
  expect(chunks.map(({ choices }) => choices[0]?.text ?? "").join("")).toBe(goldenRun(golden, "f32").text);
  expect(chunks.map(({ choices }) => choices[0]?.finish_reason).filter(Boolean)).toEqual(["length"]);
});

test("the model is listed, tokenized for, and nothing else is", async () => {
  const models = (await (await fetch(`${cluster.http}/v1/models`)).json()) as { data: { id: string }[] };
  expect(models.data.map(({ id }) => id)).toEqual(["stories260k-f32"]);
  const other = await postJson(`${cluster.http}/v1/completions`, { ...greedy, model: "gpt-99" });
  expect(other.status).toBe(404);
  expect(await other.json()).toMatchObject({ error: { message: expect.stringContaining("gpt-99") } });
});

test("probes answer and metrics account for each stage's time", async () => {
  await generate(cluster.client, { prompt: "Once", options: { maxTokens: 4 } });
  const busy = (stage: number) =>
    new RegExp(`^stagecoach_stage_busy_seconds_total{.*stage="${stage}".*} (.+)$`, "m");
  await statusWhere(cluster, ({ workers }) => workers.every(({ stage }) => (stage?.times?.busyMs ?? 0) > 0));
  const metrics = await (await fetch(`${cluster.http}/metrics`)).text();
  for (const stage of [0, 1]) expect(Number(busy(stage).exec(metrics)?.[1])).toBeGreaterThan(0);
  expect(metrics).toMatch(/^stagecoach_generation_tokens_total{.*} [1-9]/m);
  for (const probe of ["healthz", "readyz"]) {
    expect((await fetch(`${cluster.http}/${probe}`)).status, probe).toBe(200);
  }
});

test("the standard health service says SERVING, for the server and each service", async () => {
  const Health = makeGenericClientConstructor(healthService, "grpc.health.v1.Health");
  const health = new Health(cluster.grpc, credentials.createInsecure());
  scope.add(() => health.close());
  const check = (name: string) =>
    new Promise((resolve, reject) => {
      const call = health["check"] as (
        request: object,
        done: (error: unknown, reply: unknown) => void,
      ) => void;
      call.call(health, { service: name }, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  for (const name of ["", "stagecoach.v1.Inference", "stagecoach.v1.Cluster"]) {
    expect(await check(name), name).toEqual({ status: "SERVING" });
  }
  await expect(check("no.such.Service")).rejects.toMatchObject({ code: 5 });
});

test("reflection names the services and their files", async () => {
  expect(await reflect({ listServices: "" })).toMatchObject({
    listServicesResponse: {
      service: expect.arrayContaining([
        { name: "stagecoach.v1.Inference" },
        { name: "stagecoach.v1.Cluster" },
      ]),
    },
  });
  const described = await reflect({ fileContainingSymbol: "stagecoach.v1.Inference" });
  const { fileDescriptorProto } = described["fileDescriptorResponse"] as { fileDescriptorProto: Buffer[] };
  expect(Buffer.concat(fileDescriptorProto).toString("latin1")).toContain("GenerateRequest");
});

/** One question to the reflection service, as grpcurl asks it. */
async function reflect(question: object): Promise<Record<string, unknown>> {
  const proto = join("proto", "grpc", "reflection", "v1", "reflection.proto");
  const entry = createRequire(import.meta.url).resolve("@grpc/reflection");
  const definition = loadPackageDefinition(loadSync(join(dirname(entry), "..", proto), { oneofs: true }));
  const { grpc } = definition as unknown as {
    grpc: { reflection: { v1: { ServerReflection: ServiceClientConstructor } } };
  };
  const client = new grpc.reflection.v1.ServerReflection(cluster.grpc, credentials.createInsecure());
  scope.add(() => client.close());
  const call = (
    client["serverReflectionInfo"] as () => ClientDuplexStream<object, Record<string, unknown>>
  ).call(client);
  return new Promise((resolve, reject) => {
    call.on("data", resolve);
    call.on("error", (error: ServiceError) => reject(error));
    call.end(question);
  });
}

function never(): never {
  throw new Error("no such golden prompt");
}
