// SHELL: writes dist/program.cache, the code that V8 makes of the program, as part of the build. Runs the built speaker in this process
// with one peer on loopback until it has opened the session and sent its routes, so that the functions of a start are in the code.
// Contract: replaces the file as a whole; ends within LIMIT_MS, with exit code 1 where the speaker has not got that far.

import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packCodeCache } from "../src/launch/codeCache.ts";
import { CODE_CACHE, PROGRAM, runProgram } from "../src/launch/program.ts";
import { listenBelow } from "./listenBelow.ts";
import { NODE, oneService, ROUTER_ASN } from "./oneService.ts";

/** A start takes a quarter of a second on a quiet machine. */
const LIMIT_MS = 30_000;
const TYPE_OFFSET = 18;
const OPEN = 1;
const UPDATE = 2;
const MARKER = "ff".repeat(16);
const AS = ROUTER_ASN.toString(16).padStart(4, "0");
/** Of that AS; hold time 90 s, identifier 10.0.0.9; four-octet AS numbers and IPv4 unicast. */
const OUR_OPEN = Buffer.from(`${MARKER}002b0104${AS}005a0a0000090e020c01040001000141040000${AS}`, "hex");
const KEEPALIVE = Buffer.from(`${MARKER}001304`, "hex");
const ADDRESS = "127.0.0.1";

/** Plays the peer until the first UPDATE. */
const peer = createServer((socket) => {
  socket.write(OUR_OPEN);
  let unread = Buffer.alloc(0);
  socket.on("data", (octets) => {
    unread = Buffer.concat([unread, octets]);
    for (let length = 0; unread.length > TYPE_OFFSET; unread = unread.subarray(length)) {
      length = unread.readUInt16BE(MARKER.length / 2);
      if (unread.length < length) return;
      const type = unread[TYPE_OFFSET];
      if (type === OPEN) socket.write(KEEPALIVE);
      if (type === UPDATE) save();
    }
  });
});

function save(): void {
  const program = readFileSync(new URL(PROGRAM, import.meta.url));
  const cache = new URL(CODE_CACHE, import.meta.url);
  const fresh = new URL(`${CODE_CACHE}.${process.pid}`, import.meta.url);
  writeFileSync(fresh, packCodeCache(program, script.createCachedData()));
  renameSync(fresh, cache);
  process.exit(0);
}

const directory = mkdtempSync(join(tmpdir(), "vipcast-warm-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
const limit = setTimeout(() => {
  process.stderr.write(`warmUp: the speaker has sent no route within ${LIMIT_MS / 1000} s\n`);
  process.exit(1);
}, LIMIT_MS);
limit.unref();
writeFileSync(join(directory, "all.yaml"), oneService({ address: ADDRESS, port: await listenBelow(peer, ADDRESS) }));
process.argv.splice(2, Infinity, "speaker", "--node-name", NODE, "--manifests", directory);
const script = runProgram(import.meta.url);
