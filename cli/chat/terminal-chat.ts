import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { StagecoachError } from "../../common/errors.js";
import type { Conversation } from "./conversation.js";

const help = `  /clear   forget what was said
  /bye     leave (as Ctrl-D does)
  Ctrl-C   stop an answer; at the prompt, leave
`;

/**
 * A chat at the terminal until /bye, Ctrl-D or the signal. An error of one answer is shown and the chat
 * goes on.
 */
export async function chatAtTerminal(conversation: Conversation, signal: AbortSignal): Promise<void> {
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: ">>> ",
    historySize: 500,
  });
  const left = new AbortController();
  const over = AbortSignal.any([signal, left.signal]);
  let answering: AbortController | undefined;
  terminal.on("SIGINT", () => {
    if (answering === undefined) left.abort();
    else answering.abort();
  });
  terminal.on("close", () => left.abort());
  process.stdout.write("Type /? for help.\n");
  try {
    for (;;) {
      const line = await nextLine(terminal, over);
      if (line === undefined || line === "/bye") return;
      if (line === "/clear") conversation.clear();
      else if (line === "/?" || line === "/help") process.stdout.write(help);
      else if (line.startsWith("/")) process.stdout.write(`no command ${line}\n${help}`);
      else if (line !== "") {
        answering = new AbortController();
        await answer(conversation, line, AbortSignal.any([over, answering.signal]));
        answering = undefined;
      }
    }
  } finally {
    terminal.close();
  }
}

/** Streams one answer to stdout, and a line's end after it. */
export async function writeAnswer(
  conversation: Conversation,
  question: string,
  signal: AbortSignal,
): Promise<void> {
  let last = "";
  for await (const text of conversation.ask(question, signal)) {
    process.stdout.write(text);
    if (text !== "") last = text;
  }
  if (!last.endsWith("\n")) process.stdout.write("\n");
}

async function answer(conversation: Conversation, question: string, signal: AbortSignal): Promise<void> {
  try {
    await writeAnswer(conversation, question, signal);
  } catch (reason) {
    process.stderr.write(`${StagecoachError.from(reason).message}\n`);
  }
}

/** Undefined when there will be no further line. */
async function nextLine(terminal: Interface, signal: AbortSignal): Promise<string | undefined> {
  if (signal.aborted) return undefined;
  terminal.prompt();
  try {
    const [line] = await once(terminal, "line", { signal });
    return String(line).trim();
  } catch (reason) {
    if (signal.aborted) {
      process.stdout.write("\n");
      return undefined;
    }
    throw reason;
  }
}
