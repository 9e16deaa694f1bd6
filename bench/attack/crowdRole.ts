// SHELL: peers that turn bad on a signal, all in one process. Owns their addresses and their two ways: not reading any more,
// and sending UPDATEs without pause. Knows nothing of who listens. Contract: each keeps its session alive by KEEPALIVEs
// whatever else it does not do; on loopback alone.
import net from "node:net";
import { say } from "../roles.ts";
import { SINK_ASN } from "../sink.ts";
import { keepaliveMessage, MESSAGE, MessageStream, openMessage, updateMessage } from "../wire.ts";

export type Vice = "stopReading" | "flood";

export const crowdAddress = (i: number): string => `127.0.1.${i + 1}`;

const KEEPALIVE_MS = 1_000;
/** How long UPDATEs are sent without pause. */
export const FLOOD_MS = 5_000;
const FLOOD_CHUNK = 16;

/** Says `up` when all sessions are established, `flooded` with the octets when a flood is over. @param port of each */
export async function runCrowd(port: number, count: number, vice: Vice): Promise<void> {
  const established = new Set<net.Socket>();
  for (let i = 0; i < count; i++) {
    const server = net.createServer((socket) => {
      socket.setNoDelay(true);
      socket.on("error", () => {}); // "close" follows
      const stream = new MessageStream((type) => {
        if (type === MESSAGE.open) {
          socket.write(openMessage(SINK_ASN, 0x0aff_fe00 + i));
          socket.write(keepaliveMessage());
          const beat = setInterval(() => socket.write(keepaliveMessage()), KEEPALIVE_MS);
          socket.once("close", () => clearInterval(beat));
        } else if (type === MESSAGE.keepalive && !established.has(socket)) {
          established.add(socket);
          if (established.size === count) say("up");
        }
      });
      socket.on("data", (bytes) => stream.push(bytes));
      socket.on("close", () => say("closed", { peer: i }));
    });
    server.listen(port, crowdAddress(i));
  }
  process.on("SIGUSR2", () => {
    for (const socket of established) vice === "stopReading" ? socket.pause() : flood(socket);
  });
  await new Promise(() => {});
}

/** The same routes again and again, as many as one message holds in each. */
function flood(socket: net.Socket): void {
  const message = (base: number): Uint8Array => updateMessage(SINK_ASN, 0xc000_0201, base, 800);
  const chunk = Buffer.concat(Array.from({ length: FLOOD_CHUNK }, (_, i) => message(0x0c00_0000 + i * 1024)));
  const end = performance.now() + FLOOD_MS;
  let octets = 0;
  const more = (): void => {
    if (performance.now() > end || socket.destroyed) {
      say("flooded", { octets, alive: socket.destroyed ? 0 : 1 });
      return;
    }
    octets += chunk.length;
    // the callback comes when the kernel has it, so this is as fast as the other end reads
    socket.write(chunk, () => setImmediate(more));
  };
  more();
}
