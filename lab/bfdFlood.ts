// A flood of BFD packets that are not a peer's: the program that sends them, and its command line. Owns what they look like and
// how fast they go. Contract: ends by itself; says on stdout, as one line of JSON, how many the kernel took in how long.

import { parseIp } from "../src/kernel/ip.ts";
import { openSender, sendDatagram } from "../src/linux/datagram.ts";
import { int, setOption, socketAddress } from "../src/linux/sockopt.ts";
import type { Host } from "./lab.ts";

/** Each is dropped at another place: by the kernel's filter, by the decoder, by the look for the session. */
export const FLOODS = ["tooShort", "version", "stranger", "guess", "far"] as const;
export type Flood = (typeof FLOODS)[number];

export const FLOOD_TEXTS: Readonly<Record<Flood, string>> = {
  tooShort: "packets of 3 octets",
  version: "version 7",
  stranger: "sound ones of a host that is no peer",
  guess: "guessed discriminators",
  far: "the true discriminator with TTL 64",
};

export interface FloodOptions {
  readonly kinds: readonly Flood[];
  readonly to: string;
  /** The victim's discriminator, which a stranger would not know. */
  readonly discr: number;
  /** Packets a second; 0: as fast as one core can. */
  readonly rate: number;
  readonly seconds: number;
}

export interface FloodReport {
  readonly sent: number;
  readonly refused: number;
  readonly seconds: number;
}

/** Runs a flood from a host. @param program command line that runs `runFlood` with the last argument */
export async function flood(host: Host, program: readonly string[], options: FloodOptions): Promise<FloodReport> {
  const [file = "", ...args] = [...program, JSON.stringify(options)];
  return JSON.parse(await host.exec(file, args, { timeoutMs: 1_000 * options.seconds + 10_000 })) as FloodReport;
}

const PORT = 3784;
const LENGTH = 24;
const UP = 0xc0;
const DOWN = 0x40;
const TTL = [0, 2] as const;
/** So many at a time; more would leave the victim's socket no chance between two of its looks. */
const BURST = 25;

/** @param text as `flood` wrote it */
export function runFlood(text: string): void {
  const { kinds, to, discr, rate, seconds } = JSON.parse(text) as FloodOptions;
  const target = parseIp(to);
  if (target === null) throw new RangeError(`${to} is not an address`);
  const address = socketAddress(target, PORT, 0);
  const sender = (): number =>
    openSender({ version: target.version, source: null, scope: 0, device: null }, Math.random()).fd;
  const [near, far] = [sender(), sender()];
  setOption(far, "the TTL", TTL, int(64));
  const packets = kinds.map((kind) => packetOf(kind, discr));
  const guesses = kinds.map((kind, i) => (kind === "guess" ? packets[i] : undefined));
  const began = performance.now();
  let [sent, refused] = [0, 0];
  for (let n = 0; ; ) {
    const elapsed = performance.now() - began;
    if (elapsed > 1_000 * seconds) break;
    if (rate > 0 && n > (rate * elapsed) / 1_000) continue;
    for (let i = 0; i < BURST; i++) {
      const at = (n + i) % kinds.length;
      const packet = packets[at];
      if (packet === undefined) continue;
      const guessed = guesses[at];
      if (guessed !== undefined) new DataView(guessed.buffer).setUint32(8, (n + i) * 2_654_435_761);
      if (sendDatagram(kinds[at] === "far" ? far : near, packet, packet.length, address)) sent++;
      else refused++;
    }
    n += BURST;
  }
  process.stdout.write(`${JSON.stringify({ sent, refused, seconds: (performance.now() - began) / 1_000 })}\n`);
}

function packetOf(kind: Flood, discr: number): Uint8Array {
  if (kind === "tooShort") return new Uint8Array(3);
  const packet = new Uint8Array(LENGTH);
  packet.set([kind === "version" ? 0xe0 : 0x20, kind === "stranger" ? DOWN : UP, 3, LENGTH]);
  const view = new DataView(packet.buffer);
  view.setUint32(4, 77);
  view.setUint32(8, kind === "stranger" ? 0 : discr);
  view.setUint32(12, 1_000);
  view.setUint32(16, 1_000);
  return packet;
}
