# Sourced by start.sh and test.sh: what a fresh machine needs. Plain sh, no dependency but Node, npm and (optionally) apt.

fail() {
  echo "vipcast: $*" >&2
  exit 1
}

need_node() {
  command -v node >/dev/null 2>&1 || fail "Node.js >= 20.19 is needed: https://nodejs.org"
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "Node.js >= 20.19 is needed, this is $(node --version)"
}

# Dependencies exactly as locked; again only when the lock file changed.
need_modules() {
  if [ ! -e node_modules/.vipcast-installed ] || [ package-lock.json -nt node_modules/.vipcast-installed ]; then
    echo "vipcast: installing npm packages"
    npm ci --no-audit --no-fund --loglevel=error || fail "npm ci failed"
    touch node_modules/.vipcast-installed
  fi
}

# need_debian "command=package ..." : installs the packages whose command is missing, where root and apt are there.
# Daemons that the packages bring are not started: this only wants their programs.
need_debian() {
  missing=""
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || missing="$missing ${pair#*=}"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "vipcast: not installed and not installable here (needs root and apt):$missing"
    return 0
  fi
  echo "vipcast: installing Debian packages:$missing"
  guard=""
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    guard=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$guard" && chmod 755 "$guard"
    trap 'rm -f "$guard"' EXIT
  fi
  log=$(mktemp)
  if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } \
    >"$log" 2>&1 </dev/null; then
    echo "vipcast: apt-get could not install$missing; going on without:"
    tail -n 3 "$log"
  fi
  rm -f "$log"
  [ -z "$guard" ] || { rm -f "$guard" && trap - EXIT; }
}

build() {
  node scripts/build.mjs || fail "the build failed"
}
