#!/bin/sh
# `npm test`: installs what is missing, builds, and runs every test this machine can run. The last line is the total.
set -eu
cd "$(dirname "$0")/.."
. scripts/ensure.sh
need_node
need_modules
PATH="$PATH:/usr/lib/frr:/usr/sbin:/sbin"
export PATH
# FRR by its zebra: OpenBGPD, too, has a bgpd
need_debian ip=iproute2 zebra=frr bird=bird2 gobgpd=gobgpd bgpctl=openbgpd exabgp=exabgp curl=curl promtool=prometheus \
  systemd-analyze=systemd setcap=libcap2-bin tshark=tshark
build
mkdir -p .vipcast-test
status=0
npx --no-install vitest run --reporter=default --reporter=json --outputFile.json=.vipcast-test/results.json "$@" || status=$?
node scripts/totals.mjs .vipcast-test/results.json
exit "$status"
