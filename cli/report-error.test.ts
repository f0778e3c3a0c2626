import { CommanderError } from "commander";
import { afterEach, expect, test, vi } from "vitest";
import { StagecoachError } from "../common/errors.js";
import { reportError } from "./report-error.js";

afterEach(() => vi.restoreAllMocks());

function reported(reason: unknown, verbose = false): { code: number; text: string } {
  let text = "";
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  return { code: reportError(reason, verbose), text };
}

test("wrong use is 2, failure 1, help 0", () => {
  expect(reported(new StagecoachError("INVALID_ARGUMENT", "bad")).code).toBe(2);
  expect(reported(new CommanderError(1, "commander.unknownOption", "unknown")).code).toBe(2);
  expect(reported(new StagecoachError("UNAVAILABLE", "away")).code).toBe(1);
  expect(reported(new Error("what")).code).toBe(1);
  expect(reported(new CommanderError(0, "commander.helpDisplayed", "help")).code).toBe(0);
});

test("the message comes alone; causes when asked for; a defect says how to see more", () => {
  const error = new StagecoachError("UNAVAILABLE", "away", { cause: new Error("deep") });
  expect(reported(error).text).toBe("stagecoach: away\n");
  expect(reported(error, true).text).toMatch(/^stagecoach: away\n.*caused by Error: deep/s);
  expect(reported(new TypeError("x")).text).toBe("stagecoach: x\n--verbose shows where.\n");
});

test("an error that is its own cause comes to an end", () => {
  const error = new Error("round");
  error.cause = error;
  expect(reported(error, true).text.match(/caused by/g)?.length).toBeLessThan(20);
});
