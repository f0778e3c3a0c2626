import { join } from "node:path";
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import type { ProtoGrpcType as ClusterTypes } from "../proto/gen/cluster.js";
import type { ProtoGrpcType as InferenceTypes } from "../proto/gen/inference.js";
import type { ProtoGrpcType as StageTypes } from "../proto/gen/stage.js";
import { packageRoot } from "./package-root.js";

const includeDir = join(packageRoot, "proto");

/** All messages and services, as loaded; also what reflection serves. Options match scripts/generate-types.sh. */
export const packageDefinition: PackageDefinition = loadSync(
  ["stage", "cluster", "inference"].map((name) => join(includeDir, "stagecoach", "v1", `${name}.proto`)),
  { includeDirs: [includeDir], longs: Number, enums: String, defaults: true, oneofs: true },
);

const loaded = loadPackageDefinition(packageDefinition) as unknown as StageTypes &
  ClusterTypes &
  InferenceTypes;

/** Client constructors and service definitions of `stagecoach.v1`. */
export const v1: (StageTypes & ClusterTypes & InferenceTypes)["stagecoach"]["v1"] = loaded.stagecoach.v1;

/** One member of a oneof, by its tag. */
export type OneofValue<Message, Keys extends keyof Message> = {
  [Key in Keys]: { kind: Key; value: NonNullable<Message[Key]> };
}[Keys];

/**
 * Reads a oneof as a tagged value; undefined when no member is set. Generated types list the members
 * side by side, and an unset scalar still has a value, so only the tag may be trusted.
 */
export function oneof<Message, Tag extends keyof Message>(
  message: Message,
  tag: Tag,
): OneofValue<Message, Extract<NonNullable<Message[Tag]>, keyof Message>> | undefined {
  type Keys = Extract<NonNullable<Message[Tag]>, keyof Message>;
  const kind = message[tag] as Keys | undefined;
  if (kind === undefined || kind === null) return undefined;
  return { kind, value: message[kind] } as OneofValue<Message, Keys>;
}
