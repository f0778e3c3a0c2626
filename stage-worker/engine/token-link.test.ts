import { expect, onTestFinished, test, vi } from "vitest";
import { encodeTokens, type SampledToken } from "../../common/token-codec.js";
import { openPortLink } from "./port-link.js";
import { TokenReceiver } from "./token-receiver.js";
import { TokenSender } from "./token-sender.js";

const epoch = 3;

/** The last stage's end and the first one's, in one process. */
async function linked() {
  const { out, into } = openPortLink();
  const told = { onTokens: vi.fn<(tokens: readonly SampledToken[]) => void>(), onBroken: vi.fn() };
  const onSenderBroken = vi.fn();
  const sender = new TokenSender(onSenderBroken);
  sender.takePort(out);
  const receiver = await TokenReceiver.open({ here: into }, { epoch, ...told });
  onTestFinished(() => sender.close());
  onTestFinished(() => receiver?.close());
  return { sender, receiver, told, onSenderBroken };
}

function outputOf(tokenIds: readonly number[]) {
  const tokens = tokenIds.map((tokenId, sequenceId) => ({ sequenceId, tokenId }));
  return { epoch, step: 1, lane: 0, tokens: encodeTokens(tokens) };
}

test("tokens of more steps than a port holds back arrive in order", async () => {
  const { sender, told } = await linked();
  for (let step = 0; step < 50; step++) sender.send(outputOf([step, 100 + step]));
  await vi.waitFor(() => expect(told.onTokens).toHaveBeenCalledTimes(50));
  const ids = told.onTokens.mock.calls.map(([tokens]) => tokens.map(({ tokenId }) => tokenId));
  expect(ids).toEqual(Array.from({ length: 50 }, (_, step) => [step, 100 + step]));
});

test("a sender without a way lets tokens go to the coordinator alone", () => {
  const onBroken = vi.fn();
  const sender = new TokenSender(onBroken);
  sender.send(outputOf([1]));
  sender.close();
  expect(onBroken).not.toHaveBeenCalled();
});

test.each([
  ["another epoch's tokens", { ...outputOf([1]), epoch: 2 }, /tokens of epoch 2 where tokens of epoch 3/],
  ["a failure", { epoch, step: 1, failure: { code: 13, message: "x" } }, /sent failure of epoch 3/],
])("%s break the link", async (_, output, message) => {
  const { sender, told, onSenderBroken } = await linked();
  sender.send(output);
  await vi.waitFor(() => expect(onSenderBroken).toHaveBeenCalledTimes(1));
  expect(told.onBroken.mock.calls[0]?.[0].message).toMatch(message);
  expect(told.onTokens).not.toHaveBeenCalled();
});

test("either end hears when the other is gone", async () => {
  const first = await linked();
  first.receiver?.close();
  await vi.waitFor(() => expect(first.onSenderBroken).toHaveBeenCalledTimes(1));
  expect(first.onSenderBroken.mock.calls[0]?.[0].message).toMatch(/tokens to the first stage broke off/);
  const second = await linked();
  second.sender.close();
  await vi.waitFor(() => expect(second.told.onBroken).toHaveBeenCalledTimes(1));
  expect(second.told.onBroken.mock.calls[0]?.[0].message).toMatch(/lost the link for tokens from the last/);
});
