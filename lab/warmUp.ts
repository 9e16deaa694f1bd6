// SHELL: writes dist/program.cache, the code that V8 makes of the program, as part of the build. Runs the built speaker in this process
// with one peer on loopback until it has opened the session and sent its routes, so that the functions of a start are in the code.
// Contract: replaces the file as a whole; ends within LIMIT_MS, with exit code 1 where the speaker has not got that far.

import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packCodeCache } from "../src/launch/codeCache.ts";
import { CODE_CACHE, PROGRAM, runProgram } from "../src/launch/program.ts";

/** A start takes a quarter of a second on a quiet machine. */
const LIMIT_MS = 30_000;
/** BGPPeer takes no port above that, and those below may be anybody's. */
const PORTS = { from: 10_240, to: 16_384 };
const TRIES = 20;
const TYPE_OFFSET = 18;
const OPEN = 1;
const UPDATE = 2;
const MARKER = "ff".repeat(16);
/** AS 64512, hold time 90 s, identifier 10.0.0.9; four-octet AS numbers and IPv4 unicast. */
const OUR_OPEN = Buffer.from(`${MARKER}002b0104fc00005a0a0000090e020c01040001000141040000fc00`, "hex");
const KEEPALIVE = Buffer.from(`${MARKER}001304`, "hex");

const manifests = (port: number): string => `
apiVersion: v1
kind: Node
metadata: { name: here }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: peer, namespace: metallb-system }
spec: { myASN: 64512, peerASN: 64512, peerAddress: 127.0.0.1, peerPort: ${port} }
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: pool, namespace: metallb-system }
spec: { addresses: [192.0.2.0/24] }
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: all, namespace: metallb-system }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { type: LoadBalancer, ports: [{ port: 80 }] }
status: { loadBalancer: { ingress: [{ ip: 192.0.2.1 }] } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [192.0.2.200], nodeName: here, conditions: { ready: true } }]
`;

async function listen(server: Server): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    try {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
      return port;
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}

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
writeFileSync(join(directory, "all.yaml"), manifests(await listen(peer)));
process.argv.splice(2, Infinity, "speaker", "--node-name", "here", "--manifests", directory);
const script = runProgram(import.meta.url);
