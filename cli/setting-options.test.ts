import { Command } from "commander";
import { expect, test } from "vitest";
import { tempFolder } from "../test/fixtures/temp-folder.js";
import { addSamplingOptions, readSamplingOptions } from "./sampling-options.js";
import { addSettings, homeOf, readGivenSettings, readSettings } from "./setting-options.js";

const names = ["home", "maxNumSeqs", "grpc"] as const;

async function parsed(...args: string[]): Promise<Command> {
  const command = addSettings(new Command(), names).exitOverride();
  return command.parse(["--home", await tempFolder(), ...args], { from: "user" });
}

test("the help names the flag, the variable and the default", () => {
  const help = addSettings(new Command(), names).configureHelp({ helpWidth: 400 }).helpInformation();
  expect(help).toMatch(/--max-num-seqs <N> .*\(default: 32; STAGECOACH_MAX_NUM_SEQS\)/);
  expect(help).toMatch(/--home <DIR> .*\(default: ~\/\.stagecoach; STAGECOACH_HOME\)/);
});

test("flags become settings, and what the command adds wins over them", async () => {
  const command = await parsed("--max-num-seqs", "7");
  expect(readSettings(command, ["maxNumSeqs"])).toEqual({ maxNumSeqs: 7 });
  expect(readSettings(command, ["maxNumSeqs"], { maxNumSeqs: "8" })).toEqual({ maxNumSeqs: 8 });
  expect(readGivenSettings(command, ["maxNumSeqs", "grpc"])).toEqual({ maxNumSeqs: 7 });
  expect(homeOf(command).root).toBe(command.opts()["home"]);
});

test("a bad value is refused in the flag's name", async () => {
  const command = await parsed("--grpc", "nowhere");
  expect(() => readSettings(command, ["grpc"])).toThrow('--grpc is "nowhere": give HOST:PORT');
});

test("sampling options travel as numbers; those left out do not travel", () => {
  const command = addSamplingOptions(new Command()).exitOverride();
  command.parse(["--temperature", "0.5", "--top-k", "4", "--stop", "a", "--stop", "b", "--ignore-eos"], {
    from: "user",
  });
  const expected = { temperature: 0.5, topK: 4, stop: ["a", "b"], ignoreEos: true };
  expect(readSamplingOptions(command)).toEqual(expected);
  expect(readSamplingOptions(addSamplingOptions(new Command()))).toEqual({ stop: [], ignoreEos: false });
});

test.each([
  ["--temperature", "-1"],
  ["--top-p", "1.5"],
  ["--max-tokens", "0"],
  ["--logprobs", "21"],
  ["--seed", "1.5"],
])("no sampling with %s %s", (flag, value) => {
  const command = addSamplingOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  expect(() => command.parse([flag, value], { from: "user" })).toThrow(/is invalid. Give a /);
});
