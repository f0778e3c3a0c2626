import { type Command, Option } from "commander";
import type { SettingName } from "../common/config.js";
import { StagecoachError } from "../common/errors.js";
import { type EventKind, eventKinds } from "../common/events/event-schemas.js";
import { type ReceivedEvent, subscribeEvents } from "../common/events/subscribe-events.js";
import type { Home } from "../common/home.js";
import { createLogger } from "../common/log.js";
import { describeEvent } from "./describe-event.js";
import { printJsonLine } from "./json.js";
import { askedToEnd } from "./serve.js";
import { addSettings, homeOf, readGivenSettings, readSettings } from "./setting-options.js";
import { readRunningCluster } from "./state/cluster-file.js";

const eventsSettings = ["home", "nats", "cluster"] as const satisfies readonly SettingName[];

interface EventsOptions {
  kind?: EventKind[];
  json: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("events")
    .description("print a cluster's events as they come over NATS, until Ctrl-C")
    .addOption(new Option("--kind <KIND...>", "only these kinds").choices(eventKinds))
    .option("--json", "print one JSON document a line", false);
  addSettings(command, eventsSettings)
    .addHelpText(
      "after",
      `
Examples:
  $ stagecoach events --kind state request
  $ stagecoach events --json | jq -c 'select(.kind == "health") | .payload.busyShare'
  $ nats sub 'stagecoach.local.>'            with NATS's own client
`,
    )
    .action((options: EventsOptions) => events(command, options));
}

async function events(command: Command, { kind, json }: EventsOptions): Promise<void> {
  const { url, cluster } = await findEvents(command, homeOf(command));
  const ended = new AbortController();
  void askedToEnd().then(() => ended.abort());
  const received = subscribeEvents({
    url,
    cluster,
    ...(kind !== undefined && { kinds: kind }),
    signal: ended.signal,
    log: createLogger({ name: "events", level: "warn" }),
    onListening: () => process.stderr.write(`listening to ${url}, cluster ${cluster}\n`),
  });
  for await (const event of received) print(event, json);
}

/** Where events are: as given, else those of the cluster in this home. */
async function findEvents(command: Command, home: Home): Promise<{ url: string; cluster: string }> {
  const given = readGivenSettings(command, ["nats", "cluster"]);
  const running = await readRunningCluster(home);
  const cluster = given.cluster ?? running?.cluster ?? readSettings(command, ["cluster"]).cluster;
  const named = given.nats === "auto" || given.nats === "off" ? undefined : given.nats;
  const url = named ?? running?.nats;
  if (url !== undefined) return { url, cluster };
  throw new StagecoachError(
    "FAILED_PRECONDITION",
    running === undefined
      ? `no cluster runs in ${home.root}: start one with \`stagecoach up\`, or name a server with --nats URL`
      : "the running cluster has no events: install nats-server (see `stagecoach doctor`) and start it again",
  );
}

function print(event: ReceivedEvent, json: boolean): void {
  if (json) printJsonLine(event);
  else process.stdout.write(`${describeEvent(event)}\n`);
}
