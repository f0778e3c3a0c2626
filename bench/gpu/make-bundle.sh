#!/usr/bin/env bash
# Makes a bundle for a GPU machine without network: node, the program with what it needs, and the CUDA provider with
# code for one architecture only. Two archives, so that each stays below 64 MB:
#
#   bench/gpu/make-bundle.sh FOLDER [ARCHITECTURE]        (default 90: H100, H200)
#   bench/gpu/make-bundle.sh --patch FOLDER               only what a change of the program changes, patch.tar.xz
#
# There: for part in program provider; do tar xJf FOLDER/$part.tar.xz -C WHERE; done; WHERE/bin/node WHERE/dist/cli/main.js
# and later, over it: tar xJf FOLDER/patch.tar.xz -C WHERE. See docs/benchmarks.md for what to run.
set -euo pipefail

main() {
  local patch=""
  if [ "${1:-}" = --patch ]; then
    patch=yes
    shift
  fi
  folder=$(mkdir -p "${1:?usage: bench/gpu/make-bundle.sh [--patch] FOLDER [ARCHITECTURE]}" && cd "$1" && pwd)
  architecture=${2:-90}
  cd "$(dirname "$0")/../.."
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  npx tsc -p tsconfig.build.json

  if [ -n "$patch" ]; then
    copy_own patch
    pack patch
  else
    make_program
    pack program
    make_provider
    pack provider
  fi
}

# The program's own files.
copy_own() {
  mkdir -p "$work/$1/bench/gpu"
  cp -r package.json dist proto "$work/$1/"
  cp bench/gpu/*.py "$work/$1/bench/gpu/"
  find "$work/$1" -name '*.map' -delete
  git describe --always --abbrev=40 --exclude='*' --dirty >"$work/$1/COMMIT"
}

make_program() {
  echo "program: node, dist/, packages"
  mkdir -p "$work/program/bin"
  cp "$(node -p process.execPath)" "$work/program/bin/node"
  strip "$work/program/bin/node" 2>/dev/null || true
  copy_own program
  npm ls --omit=dev --all --parseable | tail -n +2 | while read -r package; do
    relative=${package#"$PWD"/}
    mkdir -p "$work/program/$(dirname "$relative")"
    cp -r "$package" "$work/program/$(dirname "$relative")/"
  done
  find "$work/program/node_modules" \( -name '*.map' -o -name '*.d.ts' -o -name '*.md' \) -delete
  local runtime=$work/program/node_modules/onnxruntime-node/bin/napi-v6
  find "$runtime" -mindepth 1 -maxdepth 1 ! -name linux -exec rm -rf {} +
  find "$runtime/linux" -mindepth 1 -maxdepth 1 ! -name x64 -exec rm -rf {} +
  rm -f "$runtime"/linux/x64/libonnxruntime_providers_*
}

make_provider() {
  local version libraries
  version=$(node -p 'require("onnxruntime-node/package.json").version')
  libraries=$work/provider/node_modules/onnxruntime-node/bin/napi-v6/linux/x64
  echo "provider: onnxruntime-gpu $version for architecture $architecture"
  python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --disable-pip-version-check \
    --dest "$work" "onnxruntime-gpu==$version"
  mkdir -p "$libraries"
  unzip -qoj "$work"/onnxruntime_gpu-*.whl '*providers_cuda.so' '*providers_shared.so' -d "$libraries"
  node dist/bench/gpu/blank-provider.js "$libraries/libonnxruntime_providers_cuda.so" "$architecture"
}

most_bytes=64000000

pack() {
  local archive=$folder/$1.tar.xz bytes
  tar -C "$work/$1" -c . | xz -T0 -4 >"$archive"
  bytes=$(wc -c <"$archive")
  echo "$archive: $bytes bytes"
  if [ "$bytes" -ge "$most_bytes" ]; then
    echo "$archive is larger than the $most_bytes bytes that a machine may be sent in a file" >&2
    exit 1
  fi
}

main "$@"
