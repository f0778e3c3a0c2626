import { fileDownloadInfo, HubApiError, listFiles } from "@huggingface/hub";
import { StagecoachError } from "../../common/errors.js";
import type { PullTools } from "./pull-tools.js";

/** A file of a repository. */
export interface HubFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hex; known for large files. */
  readonly sha256?: string;
}

/** A repository at one revision: a branch, a tag or a commit. */
export interface Repository {
  readonly repository: string;
  /** Defaults to main. */
  readonly revision?: string | undefined;
}

const maxFiles = 10_000;

/**
 * The files of a repository of models on the Hugging Face hub.
 *
 * @throws StagecoachError UNAVAILABLE when the hub cannot be reached, NOT_FOUND, PERMISSION_DENIED.
 */
export async function listHubFiles(
  tools: PullTools,
  at: Repository,
  signal: AbortSignal,
): Promise<HubFile[]> {
  const files: HubFile[] = [];
  try {
    const entries = listFiles({ ...locate(at), recursive: true, fetch: impatient(tools, signal) });
    for await (const { type, path, size, lfs } of entries) {
      if (files.length >= maxFiles) break;
      if (type !== "file" || !isPlainPath(path)) continue;
      const sha256 = lfs?.oid !== undefined && /^[0-9a-f]{64}$/.test(lfs.oid) ? { sha256: lfs.oid } : {};
      files.push({ path, sizeBytes: lfs?.size ?? size, ...sha256 });
    }
  } catch (error) {
    throw explainHubError(error, at.repository, signal);
  }
  return files;
}

/**
 * Where a file can be downloaded from now.
 *
 * @throws StagecoachError as `listHubFiles`.
 */
export async function locateHubFile(
  tools: PullTools,
  at: Repository,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  const what = `${at.repository}/${path}`;
  try {
    const info = await fileDownloadInfo({ ...locate(at), path, fetch: impatient(tools, signal) });
    if (info === null) throw statusError(404, what);
    return info.url;
  } catch (error) {
    throw explainHubError(error, what, signal);
  }
}

/**
 * A file's bytes from an offset on.
 *
 * @throws StagecoachError as `listHubFiles`; a transfer that breaks off is UNAVAILABLE.
 */
export async function* openHubFile(
  tools: PullTools,
  url: string,
  offsetBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    const response = await impatient(tools, signal)(url, { headers: { Range: `bytes=${offsetBytes}-` } });
    checkRange(response, url, offsetBytes);
    for await (const chunk of response.body ?? []) yield chunk;
  } catch (error) {
    throw explainHubError(error, url, signal);
  }
}

function checkRange(response: Response, what: string, offsetBytes: number): void {
  if (response.status >= 400) throw statusError(response.status, what);
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1] ?? "0";
  if (Number(start) !== offsetBytes) {
    throw new StagecoachError(
      "UNAVAILABLE",
      `the hub sent ${what} from byte ${start} instead of ${offsetBytes}`,
    );
  }
}

/** Gives up when no answer begins in time; an answer's body may take as long as it needs. */
function impatient({ fetch, connectTimeoutMs = 5_000 }: PullTools, signal: AbortSignal): typeof fetch {
  return async (input, init) => {
    const timeout = new AbortController();
    const timer = setTimeout(() => {
      timeout.abort(new StagecoachError("UNAVAILABLE", `no answer in ${connectTimeoutMs / 1000} s`));
    }, connectTimeoutMs);
    try {
      return await fetch(input, { ...init, signal: AbortSignal.any([signal, timeout.signal]) });
    } finally {
      clearTimeout(timer);
    }
  };
}

function explainHubError(error: unknown, what: string, signal: AbortSignal): StagecoachError {
  if (signal.aborted) return StagecoachError.from(signal.reason, "CANCELLED");
  if (error instanceof HubApiError) return statusError(error.statusCode, what, error);
  if (error instanceof StagecoachError && error.code !== "UNAVAILABLE") return error;
  const reason = error instanceof Error ? (causeOf(error)?.message ?? error.message) : String(error);
  return new StagecoachError(
    "UNAVAILABLE",
    `the Hugging Face hub cannot be reached for ${what} (${reason})`,
    {
      cause: error,
    },
  );
}

function statusError(status: number, what: string, cause?: unknown): StagecoachError {
  if (status === 401 || status === 403) {
    const message = `the hub refuses ${what} (${status}): it does not exist, or it asks for a login, which stagecoach has not; download it yourself and pull it by its path`;
    return new StagecoachError("PERMISSION_DENIED", message, { cause });
  }
  if (status === 404)
    return new StagecoachError("NOT_FOUND", `the hub has no ${what}: check its spelling`, { cause });
  if (status === 429 || status >= 500) {
    return new StagecoachError("UNAVAILABLE", `the hub cannot serve ${what} now (${status})`, { cause });
  }
  return new StagecoachError("UNKNOWN", `the hub answered ${status} for ${what}`, { cause });
}

function causeOf(error: Error): Error | undefined {
  return error.cause instanceof Error ? error.cause : undefined;
}

function locate({ repository, revision }: Repository) {
  return {
    repo: { type: "model" as const, name: repository },
    ...(revision === undefined ? {} : { revision }),
  };
}

/** Names come from the network: none may lead out of the folder that they are put into. */
function isPlainPath(path: string): boolean {
  return path
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== ".." && !/[\\\0]/.test(part));
}
