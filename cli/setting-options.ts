import { type Command, Option } from "commander";
import {
  type ConfigSources,
  compileConfig,
  givenConfig,
  resolveHome,
  type SettingName,
  type SettingValues,
} from "../common/config.js";
import { flagOf, variableOf } from "../common/config-names.js";
import { settings } from "../common/config-settings.js";
import type { Home } from "../common/home.js";

/** Adds settings to a command as options; the help names their variables and defaults. */
export function addSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const { kind, doc, default: value } = settings[name];
    const usual = value ?? settings[name].defaultText;
    const about = `${doc} (default: ${usual}; ${variableOf(name)})`;
    command.addOption(new Option(`${flagOf(name)} <${kind.placeholder}>`, about));
    if (typeof value === "boolean" && value) {
      command.addOption(new Option(flagOf(name).replace("--", "--no-"), `the same as ${flagOf(name)} off`));
    }
  }
  return command;
}

/** Compiles a command's settings from its options and from everything else; see common/config.ts. */
export function readSettings<const Name extends SettingName>(
  command: Command,
  names: readonly Name[],
  more: ConfigSources["flags"] = {},
): SettingValues<Name> {
  return compileConfig(names, { flags: { ...command.opts(), ...more } });
}

/** As `readSettings`, without the settings that nobody gave. */
export function readGivenSettings<const Name extends SettingName>(
  command: Command,
  names: readonly Name[],
): Partial<SettingValues<Name>> {
  return givenConfig(names, { flags: command.opts() });
}

/** The home that a command works in; the command has the setting `home`. */
export function homeOf(command: Command): Home {
  const flag: unknown = command.opts()["home"];
  return resolveHome(typeof flag === "string" ? flag : undefined);
}
