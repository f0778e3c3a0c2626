# Sourced by setup.sh: a Vulkan driver that needs no GPU (Mesa's lavapipe), for the tests of WebGPU. Debian and Ubuntu
# only, and optional: whatever goes wrong here, those tests are skipped and the rest goes on.

# Older ones lack what ONNX Runtime asks for: Debian 12's own 22.3 is refused.
least_mesa=25

install_software_vulkan() {
  [ "$(uname -s)" = Linux ] || return 0
  if has_software_vulkan; then
    say "software Vulkan is there"
  elif install_mesa && has_software_vulkan; then
    say "installed software Vulkan (Mesa $(mesa_version))"
  else
    say "no software Vulkan, tests of WebGPU will be skipped"
  fi
}

# What goes wrong is in the log, for it matters little.
quietly() { "$@" >>.cache/logs/vulkan.log 2>&1 </dev/null; }

# Where the driver comes from no Debian package, its being there has to be enough.
has_software_vulkan() {
  if command -v dpkg-query >/dev/null; then
    recent "$(mesa_version)"
  else
    compgen -G '/usr/share/vulkan/icd.d/lvp_icd*.json' >/dev/null
  fi
}

mesa_version() { dpkg-query -W -f '${db:Status-Status} ${Version}' mesa-vulkan-drivers 2>/dev/null | sed -n 's/^installed //p'; }

# Of a version such as 25.0.7-2 or 1:25.0.7.
recent() {
  local major=${1#*:}
  major=${major%%.*}
  [[ $major =~ ^[0-9]+$ ]] && [ "$major" -ge "$least_mesa" ]
}

install_mesa() {
  local root codename release=()
  command -v apt-get >/dev/null && root=$(root_command) || return 1
  say "installing software Vulkan (apt-get)"
  : >.cache/logs/vulkan.log
  quietly $root apt-get update || return 1
  if ! recent "$(LC_ALL=C apt-cache policy mesa-vulkan-drivers | sed -n 's/^ *Candidate: //p')"; then
    codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    [ -n "$codename" ] && add_backports "$root" "$codename" || return 1
    release=(-t "$codename-backports")
  fi
  # shellcheck disable=SC2086 # a command of two words, or none
  quietly $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ${release[@]+"${release[@]}"} mesa-vulkan-drivers libvulkan1
}

# A source of this machine's own, with the suite changed. One that cannot be read is taken away again, for it would
# fail every later update.
add_backports() {
  local root=$1 suite=$2-backports file text
  apt-get indextargets --format '$(RELEASE)' | grep -qx "$suite" && return
  if text=$(deb822_source "$2") && [ -n "$text" ]; then
    file=/etc/apt/sources.list.d/stagecoach-backports.sources
  elif text=$(one_line_source "$2") && [ -n "$text" ]; then
    file=/etc/apt/sources.list.d/stagecoach-backports.list
  else
    return 1
  fi
  # shellcheck disable=SC2086
  printf '%s\n' "$text" | $root tee "$file" >/dev/null
  # shellcheck disable=SC2086
  if ! quietly $root apt-get update || ! LC_ALL=C apt-cache policy | grep -Eq "[ ,][an]=$suite(,|\$)"; then
    $root rm -f "$file"
    return 1
  fi
}

# The first stanza of packages of the release.
deb822_source() {
  cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v codename="$1" '
    BEGIN { RS = ""; FS = "\n" }
    /(^|\n)Enabled: *no/ || !/(^|\n)Types:[^\n]*deb( |\n|$)/ { next }
    {
      found = 0
      for (i = 1; i <= NF; i++) {
        if ($i !~ /^Suites:/) continue
        if ((" " substr($i, 8) " ") ~ ("[ \t]" codename "[ \t]")) found = 1
        $i = "Suites: " codename "-backports"
      }
      if (!found) next
      for (i = 1; i <= NF; i++) if ($i !~ /^#/) print $i
      exit
    }'
}

one_line_source() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
    sed -nE "s/^(deb +(\[[^]]*\] +)?[^ ]+ +)$1( .*)$/\1$1-backports\3/p" | head -n 1
}
