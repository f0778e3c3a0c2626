import { afterAll, beforeAll, expect, test } from "vitest";
import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import { all, postJson, serverEvents } from "../fixtures/http-client.js";
import { openRequest, startUp, statusWhere, type TestCoordinator } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";
import { simulatedDevice } from "../fixtures/simulation.js";
import { newHome } from "../fixtures/spawn-cli.js";

const scope = new Scope();
let cluster: TestCoordinator;

const endless = { temperature: 0, ignore_eos: true, max_tokens: 120, prompt: "Once upon a time" };
const endlessOptions = { temperature: 0, ignoreEos: true, maxTokens: 120 };

beforeAll(async () => {
  const home = await newHome(scope);
  // So slow that no request of these tests comes to its end by itself.
  cluster = await startUp(scope, ["--stages", "2", ...(await simulatedDevice(home, 40))], { home });
});
afterAll(() => scope.end());

const used = ({ workers, requestsRunning }: ClusterStatus__Output) =>
  requestsRunning > 0 && workers.every(({ stage }) => (stage?.blocksUsed ?? 0) > 0);
const free = ({ workers, requestsRunning, requestsWaiting, blocksUsed }: ClusterStatus__Output) =>
  requestsRunning + requestsWaiting + blocksUsed === 0 &&
  workers.every(({ stage }) => stage?.blocksUsed === 0 && stage.sequences === 0);

test("a client that leaves a stream over HTTP frees everything at every stage", async () => {
  const leaving = new AbortController();
  const body = { ...endless, stream: true };
  const response = await postJson(`${cluster.http}/v1/completions`, body, leaving.signal);
  const events = serverEvents(response);
  expect((await events.next()).value).toContain("text_completion");
  await statusWhere(cluster, used);
  leaving.abort();
  await expect(all(events)).rejects.toThrow(/abort/);
  await statusWhere(cluster, free);
});

test("a client that leaves before a whole answer is there frees everything", async () => {
  const leaving = new AbortController();
  const answer = postJson(`${cluster.http}/v1/completions`, endless, leaving.signal).catch(String);
  await statusWhere(cluster, used);
  leaving.abort();
  expect(await answer).toMatch(/abort/);
  await statusWhere(cluster, free);
});

test("a cancelled gRPC call frees everything", async () => {
  const request = await openRequest(cluster.client, { prompt: "Once", options: endlessOptions });
  await statusWhere(cluster, used);
  request.cancel();
  expect(await request.ended).toMatchObject({ code: 1 });
  await statusWhere(cluster, free);
});

test("a deadline that passes frees everything", async () => {
  const before = await statusWhere(cluster, free);
  const request = { prompt: "Once", options: endlessOptions };
  const opening = openRequest(cluster.client, request, { deadline: Date.now() + 4_000 });
  const end = await opening.then(
    ({ ended }) => ended,
    (reason: unknown) => reason,
  );
  expect(end).toMatchObject({ code: 4 });
  const steps = (status: ClusterStatus__Output) => status.workers.map(({ stage }) => stage?.steps ?? 0);
  const after = await statusWhere(
    cluster,
    (status) => free(status) && steps(status).every((count, index) => count > (steps(before)[index] ?? 0)),
  );
  expect(after.state).toBe("SERVING");
});

test("of requests that run together only the cancelled one ends", async () => {
  const options = { ...endlessOptions, maxTokens: 6 };
  const [kept, dropped] = await Promise.all([
    openRequest(cluster.client, { prompt: "Once", options }),
    openRequest(cluster.client, { prompt: "Lily", options: endlessOptions }),
  ]);
  dropped.cancel();
  expect(await dropped.ended).toMatchObject({ code: 1 });
  expect(await kept.ended).toBeUndefined();
  await statusWhere(cluster, free);
});
