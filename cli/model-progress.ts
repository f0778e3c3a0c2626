import { Presets, SingleBar } from "cli-progress";
import { type ModelProgress, progressLines } from "../model/pull/model-progress.js";
import { formatBytes } from "../model/store/format-bytes.js";

/** Shows on stderr how a model is fetched and packed. */
export interface ModelProgressDisplay {
  readonly onProgress: (progress: ModelProgress) => void;
  /** Ends a bar that is drawn; call it before anything else is printed. */
  stop(): void;
}

/** Bars on a terminal, lines elsewhere. */
export function showModelProgress(stream: NodeJS.WriteStream = process.stderr): ModelProgressDisplay {
  const printLine = (line: string) => void stream.write(`${line}\n`);
  return stream.isTTY
    ? bars(stream, printLine)
    : { onProgress: progressLines(printLine), stop: () => undefined };
}

function bars(stream: NodeJS.WriteStream, printLine: (line: string) => void): ModelProgressDisplay {
  let bar: SingleBar | undefined;
  let subject = "";
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    stop,
    onProgress: (progress) => {
      if (progress.phase === "notice") {
        stop();
        return printLine(progress.message);
      }
      const { doneBytes, totalBytes } = progress;
      const next = progress.phase === "download" ? `downloading ${progress.file}` : "packing";
      if (bar === undefined || next !== subject) {
        stop();
        subject = next;
        bar = new SingleBar(
          { format: barFormat, stream, hideCursor: true, clearOnComplete: true },
          Presets.shades_classic,
        );
        bar.start(totalBytes, 0, { subject, detail: "" });
      }
      bar.update(doneBytes, { detail: detailOf(progress) });
    },
  };
}

const barFormat = "{subject} {bar} {percentage} %  {detail}";

function detailOf(progress: Exclude<ModelProgress, { phase: "notice" }>): string {
  if (progress.phase === "pack") return `layer ${progress.doneLayers} of ${progress.totalLayers}`;
  return `${formatBytes(progress.doneBytes)} of ${formatBytes(progress.totalBytes)}`;
}
