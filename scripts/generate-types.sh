#!/usr/bin/env bash
# Writes proto/gen from the .proto files. The options must say what common/proto.ts says.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf proto/gen
npx --no-install proto-loader-gen-types --longs=Number --enums=String --defaults --oneofs \
  --grpcLib=@grpc/grpc-js --includeComments --importFileExtension=.js --targetFileExtension=.ts \
  -I proto -O proto/gen \
  stagecoach/v1/stage.proto stagecoach/v1/cluster.proto stagecoach/v1/inference.proto
