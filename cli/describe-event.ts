import type { ReceivedEvent } from "../common/events/subscribe-events.js";

/** One line about an event, for people: when, what kind, about whom, what. */
export function describeEvent(event: ReceivedEvent): string {
  const time = event.payload.at.slice(11, 23);
  return `${time}  ${event.kind.padEnd(7)}  ${event.id.padEnd(10)}  ${summary(event)}`;
}

function summary(event: ReceivedEvent): string {
  switch (event.kind) {
    case "health":
      return healthSummary(event.payload);
    case "state":
      return `${event.payload.state}${event.payload.detail === "" ? "" : `: ${event.payload.detail}`}`;
    case "plan": {
      const { stages, laneCount, bottleneck, decodeTokensPerSecond, replica } = event.payload;
      return `${ofReplica(replica)}${stageList(stages)}, ${laneCount} lanes, ${decodeTokensPerSecond.toFixed(0)} tok/s predicted, limited by ${bottleneck}`;
    }
    case "epoch": {
      const { stages, blockCount, blockSize, reason, replica } = event.payload;
      return `${ofReplica(replica)}${stageList(stages)}, ${blockCount} blocks of ${blockSize} tokens: ${reason}`;
    }
    case "request": {
      const { finishReason, errorCode, promptTokens, completionTokens, ttftMs, durationMs } = event.payload;
      const first = ttftMs === undefined ? "" : `, first after ${ttftMs.toFixed(0)} ms`;
      return `${errorCode ?? finishReason}, ${promptTokens} + ${completionTokens} tokens in ${durationMs.toFixed(0)} ms${first}`;
    }
  }
}

function healthSummary(health: Extract<ReceivedEvent, { kind: "health" }>["payload"]): string {
  if (health.stageIndex === undefined) return `${health.state}, no stage`;
  const shares = [
    ["busy", health.busyShare],
    ["wait in", health.waitInShare],
    ["wait out", health.waitOutShare],
    ["send", health.sendShare],
  ] as const;
  const times = shares.map(([name, share]) => `${name} ${(100 * share).toFixed(0)} %`).join(", ");
  const layers = `layers ${health.firstLayer}-${health.endLayer - 1}`;
  const failure = health.error === undefined ? "" : `, ${health.error}`;
  return `stage ${health.stageIndex}, ${layers}, ${health.state}${failure}, ${times}, blocks ${health.blocksUsed}/${health.blocksTotal}, ${health.steps} steps`;
}

function ofReplica(replica: number | undefined): string {
  return replica === undefined ? "" : `replica ${replica}: `;
}

function stageList(stages: readonly { workerId: string; firstLayer: number; endLayer: number }[]): string {
  return stages
    .map(({ workerId, firstLayer, endLayer }) => `${workerId} ${firstLayer}-${endLayer - 1}`)
    .join(" | ");
}
