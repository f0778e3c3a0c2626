import { homedir } from "node:os";
import { resolve } from "node:path";
import { readConfigFile } from "./config-file.js";
import { flagOf, variableOf } from "./config-names.js";
import { type SettingName, type SettingValues, settings } from "./config-settings.js";
import { StagecoachError } from "./errors.js";
import { type Home, homeAt } from "./home.js";

export type { SettingName, SettingValues } from "./config-settings.js";

/** Where settings come from; every field but `flags` has the process's own as default. */
export interface ConfigSources {
  /** Texts of flags by setting name, as the command line gave them. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Searched first for `stagecoach.config.json`; the home comes second. */
  readonly folder?: string;
}

/**
 * Compiles settings to their complete, checked form: flag over variable over file over default. An empty
 * variable counts as unset.
 * @throws StagecoachError INVALID_ARGUMENT that names where the bad value stands, the value and a good one
 */
export function compileConfig<const Name extends SettingName>(
  names: readonly Name[],
  sources: ConfigSources,
): SettingValues<Name> {
  const defaults = Object.fromEntries(names.map((name) => [name, settings[name].default]));
  return Object.freeze({ ...defaults, ...givenConfig(names, sources) }) as SettingValues<Name>;
}

/** As `compileConfig`, but without the settings that nobody gave. */
export function givenConfig<const Name extends SettingName>(
  names: readonly Name[],
  sources: ConfigSources,
): Partial<SettingValues<Name>> {
  const lookup = openSources(sources);
  const entries = names.map((name) => [name, readGiven(name, lookup)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Partial<
    SettingValues<Name>
  >;
}

/**
 * The home to use: flag over `STAGECOACH_HOME` over the current folder's file over `~/.stagecoach`.
 * @throws StagecoachError INVALID_ARGUMENT when the current folder's file cannot be used
 */
export function resolveHome(flag?: string, sources: Omit<ConfigSources, "flags"> = {}): Home {
  const folder = sources.folder ?? process.cwd();
  const environment = sources.environment ?? processEnvironment();
  const given = flag ?? presentVariable(environment, "home") ?? readConfigFile(folder)?.values.get("home");
  return homeAt(given === undefined ? resolve(homedir(), ".stagecoach") : resolve(folder, given));
}

/** The command line that hands the given values to a child process, e.g. `["--max-num-seqs", "32"]`. */
export function flagsFor(values: Partial<SettingValues>): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [flagOf(name), String(value)],
  );
}

/** A setting's text and where it stands, for messages. */
interface Found {
  readonly text: string;
  readonly origin: string;
}

type Lookup = (name: SettingName) => Found | undefined;

function openSources(sources: ConfigSources): Lookup {
  const folder = sources.folder ?? process.cwd();
  const environment = sources.environment ?? processEnvironment();
  const homeFlag = sources.flags["home"];
  const home = resolveHome(typeof homeFlag === "string" ? homeFlag : undefined, { folder, environment });
  const file = readConfigFile(folder) ?? readConfigFile(home.root);
  return (name) => {
    const flag = sources.flags[name];
    if (flag !== undefined) return { text: String(flag), origin: flagOf(name) };
    const variable = presentVariable(environment, name);
    if (variable !== undefined) return { text: variable, origin: variableOf(name) };
    const text = file?.values.get(name);
    return text === undefined ? undefined : { text, origin: `"${name}" in ${file?.path}` };
  };
}

function readGiven(name: SettingName, lookup: Lookup): string | number | boolean | undefined {
  const found = lookup(name);
  if (found === undefined) return undefined;
  const value = settings[name].kind.parse(found.text);
  if (value !== undefined) return value;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${found.origin} is ${JSON.stringify(found.text)}: give ${settings[name].kind.expects}`,
    { details: { setting: name, value: found.text } },
  );
}

function presentVariable(
  environment: Readonly<Record<string, string | undefined>>,
  name: SettingName,
): string | undefined {
  const text = environment[variableOf(name)];
  return text === "" ? undefined : text;
}

/** The one place that reads the environment. */
function processEnvironment(): Readonly<Record<string, string | undefined>> {
  // biome-ignore lint/style/noProcessEnv: this module hands settings to all others
  return process.env;
}
