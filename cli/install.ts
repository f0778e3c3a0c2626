import { Argument, type Command } from "commander";
import { formatBytes } from "../model/store/format-bytes.js";
import { createProgressLine } from "./progress-line.js";
import { untilInterrupted } from "./until-interrupted.js";

export function register(program: Command): void {
  program
    .command("install")
    .description("fetch what computing on a GPU needs beside Stagecoach's own packages")
    .addArgument(new Argument("<what>", "ONNX Runtime's CUDA provider").choices(["cuda"]))
    .addHelpText(
      "after",
      `
Takes the provider out of the Python package onnxruntime-gpu of the version that fits, by pip, some 300 MB, and
puts it beside ONNX Runtime's library. Linux on x64 only; needs Python with pip, and no root where you installed
Stagecoach. CUDA's own runtime and NVIDIA's driver are not fetched; what is missing of them is named.

Examples:
  $ stagecoach install cuda
  $ stagecoach doctor
`,
    )
    .action(installCuda);
}

async function installCuda(): Promise<void> {
  const { installCudaProvider } = await import("../stage-worker/cuda/install-provider.js");
  const { installedRuntime } = await import("../stage-worker/cuda/provider-files.js");
  const { cudaFacts, cudaProblem } = await import("../stage-worker/cuda/cuda-facts.js");
  const runtime = installedRuntime();
  const progress = createProgressLine();
  try {
    progress.say(`fetching onnxruntime-gpu ${runtime.version} by pip`);
    await untilInterrupted("the same command begins again", (signal) =>
      installCudaProvider({
        runtime,
        platform: `${process.platform} ${process.arch}`,
        // biome-ignore lint/style/noProcessEnv: pip reads its settings and proxies there.
        environment: process.env,
        signal,
        onProgress: ({ doneBytes, total }) =>
          progress.say(
            `fetching onnxruntime-gpu ${runtime.version}: ${formatBytes(doneBytes)}${total === undefined ? "" : ` of ${total}`}`,
          ),
      }),
    );
  } finally {
    progress.end();
  }
  const problem = cudaProblem(await cudaFacts());
  const rest = problem === undefined ? "all that --device cuda needs is here" : `still missing: ${problem}`;
  process.stdout.write(`ONNX Runtime's CUDA provider ${runtime.version} is in ${runtime.folder}\n${rest}\n`);
}
