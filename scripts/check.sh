#!/usr/bin/env bash
# Every check that needs no test: format, lint, types, dead code, generated files. Runs all, then fails if
# any did. The last line counts them.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0
failed=()

check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1 </dev/null); then
    printf 'ok    %s\n' "$name"
    passed=$((passed + 1))
  else
    printf '%s\nFAIL  %s\n' "$output" "$name"
    failed+=("$name")
  fi
}

# Generates into a copy, so that a check changes nothing, and lists what differs.
generated_unchanged() {
  local copy difference
  copy=$(mktemp -d)
  mkdir -p "$copy/scripts"
  cp -R proto "$copy/proto"
  cp scripts/generate-types.sh "$copy/scripts/"
  ln -s "$PWD/node_modules" "$copy/node_modules"
  cp package.json "$copy/"
  if ! bash "$copy/scripts/generate-types.sh"; then
    rm -rf "$copy"
    return 1
  fi
  difference=$(diff -rq proto/gen "$copy/proto/gen")
  rm -rf "$copy"
  [ -z "$difference" ] && return
  printf '%s\nproto/gen differs from the .proto files: run npm run proto and commit\n' "$difference"
  return 1
}

bin=node_modules/.bin
check "format and lint (biome)" "$bin/biome" ci --colors=off .
check "lint with types (eslint)" "$bin/eslint" .
check "types (tsc)" "$bin/tsc" -p .
check "dead code (knip)" "$bin/knip"
check "generated types (proto/gen)" generated_unchanged

printf '%d passed, %d failed\n' "$passed" "${#failed[@]}"
[ "${#failed[@]}" -eq 0 ]
