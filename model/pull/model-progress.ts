import { formatBytes } from "../store/format-bytes.js";

/** What getting a model ready is doing. */
export type ModelProgress =
  /** Something worth a line, such as where a model is taken from instead. */
  | { phase: "notice"; message: string }
  | { phase: "download"; file: string; doneBytes: number; totalBytes: number }
  | { phase: "pack"; doneBytes: number; totalBytes: number; doneLayers: number; totalLayers: number };

/** Turns progress into lines for a log or a pipe: notices at once, the rest about every tenth. */
export function progressLines(onLine: (line: string) => void): (progress: ModelProgress) => void {
  let last = "";
  return (progress) => {
    if (progress.phase === "notice") return onLine(progress.message);
    const { doneBytes, totalBytes } = progress;
    const tenths = totalBytes === 0 ? 10 : Math.floor((doneBytes / totalBytes) * 10);
    const subject = progress.phase === "download" ? `downloading ${progress.file}` : "packing";
    if (last === `${subject} ${tenths}`) return;
    last = `${subject} ${tenths}`;
    const layers =
      progress.phase === "pack" ? `, layer ${progress.doneLayers} of ${progress.totalLayers}` : "";
    onLine(`${subject}: ${tenths * 10} % of ${formatBytes(totalBytes)}${layers}`);
  };
}
