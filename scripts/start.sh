#!/bin/sh
# `npm start`: installs what is missing, builds, and shows the main job (lab/demo.ts). `npm start -- --once` checks it.
set -eu
cd "$(dirname "$0")/.."
. scripts/ensure.sh
need_node
need_modules
PATH="$PATH:/usr/lib/frr:/usr/sbin:/sbin"
need_debian ip=iproute2 zebra=frr
build
exec node dist/demo.js "$@"
