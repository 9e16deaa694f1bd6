#!/bin/sh
# image.sh DIR: builds the program and puts what it needs to run, and nothing else, into DIR. For the container image and for hosts.
set -eu
[ $# = 1 ] || { echo "usage: image.sh DIR" >&2; exit 2; }
node scripts/build.mjs
mkdir -p "$1/node_modules/koffi"
cp dist/main.js dist/program.js dist/program.cache dist/bfdWorker.js package.json "$1/"
# koffi without the sources of its native part, and that part for this machine
(cd node_modules/koffi && find . -name vendor -prune -o \( -name '*.js' -o -name '*.cjs' -o -name package.json -o -name LICENSE.txt \) -print |
  tar -cf - -T -) | tar -xf - -C "$1/node_modules/koffi"
cp -R node_modules/@koromix "$1/node_modules/"
