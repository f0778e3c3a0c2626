#!/usr/bin/env bash
# Makes a bundle for a GPU machine without network: node, the program with what it needs, and the CUDA provider with
# code for one architecture only. Two archives, so that each stays below 64 MB:
#
#   bench/gpu/make-bundle.sh FOLDER [ARCHITECTURE]        (default 90: H100, H200)
#
# There: for part in program provider; do tar xJf FOLDER/$part.tar.xz -C WHERE; done; WHERE/bin/node WHERE/dist/cli/main.js
set -euo pipefail
folder=$(mkdir -p "${1:?usage: bench/gpu/make-bundle.sh FOLDER [ARCHITECTURE]}" && cd "$1" && pwd)
architecture=${2:-90}
cd "$(dirname "$0")/../.."
version=$(node -p 'require("onnxruntime-node/package.json").version')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "program: node, dist/, packages"
mkdir -p "$work/program/bin"
cp "$(node -p process.execPath)" "$work/program/bin/node"
strip "$work/program/bin/node" 2>/dev/null || true
cp -r package.json dist proto "$work/program/"
npm ls --omit=dev --all --parseable | tail -n +2 | while read -r package; do
  relative=${package#"$PWD"/}
  mkdir -p "$work/program/$(dirname "$relative")"
  cp -r "$package" "$work/program/$(dirname "$relative")/"
done
find "$work/program/node_modules" \( -name '*.map' -o -name '*.d.ts' -o -name '*.md' \) -delete
runtime=$work/program/node_modules/onnxruntime-node/bin/napi-v6
find "$runtime" -mindepth 1 -maxdepth 1 ! -name linux -exec rm -rf {} +
find "$runtime/linux" -mindepth 1 -maxdepth 1 ! -name x64 -exec rm -rf {} +
rm -f "$runtime"/linux/x64/libonnxruntime_providers_*

echo "provider: onnxruntime-gpu $version for architecture $architecture"
python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --disable-pip-version-check \
  --dest "$work" "onnxruntime-gpu==$version"
libraries=$work/provider/node_modules/onnxruntime-node/bin/napi-v6/linux/x64
mkdir -p "$libraries"
unzip -qoj "$work"/onnxruntime_gpu-*.whl '*providers_cuda.so' '*providers_shared.so' -d "$libraries"
node dist/bench/gpu/blank-provider.js "$libraries/libonnxruntime_providers_cuda.so" "$architecture"

for part in program provider; do
  tar -C "$work/$part" -c . | xz -T0 -4 >"$folder/$part.tar.xz"
  du -h "$folder/$part.tar.xz"
done
