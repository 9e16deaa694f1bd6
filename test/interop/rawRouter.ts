// A "router" that sends nonsense: one TCP port per way of being wrong. Runs as a program of its own inside a namespace and
// shares no code with the speaker, so both cannot be wrong alike. Owns the octets it sends and the print-out of what it
// gets: one JSON line per chunk, `{ port, connection, hex, ended }`, where hex is everything that connection has sent so far.

/** Ports must stay below 16385, the highest that a BGPPeer can name. */
export const PORTS = {
  badMarker: 10_001,
  longLength: 10_002,
  randomOctets: 10_003,
  halfMessage: 10_004,
  oldVersion: 10_005,
} as const;

export type Fault = keyof typeof PORTS;

const MARKER = "ff".repeat(16);

/** What is sent as soon as a connection is there, as hex. */
const OCTETS: Readonly<Record<Fault, string>> = {
  badMarker: `${"ff".repeat(7)}00${"ff".repeat(8)}001304`,
  longLength: `${MARKER}ffff02`,
  randomOctets: "8badf00d".repeat(64),
  halfMessage: `${MARKER}001d0104`, // an OPEN that never goes on
  oldVersion: `${MARKER}001d0103fdea00b4c000020200`, // version 3, AS 65002, hold time 180, identifier 192.0.2.2, no parameters
};

/** Text of the program for `node --input-type=module -e`. */
export const RAW_ROUTER = `import net from "node:net";
const say = (line) => process.stdout.write(JSON.stringify(line) + "\\n");
let connections = 0;
for (const [port, octets] of ${JSON.stringify(Object.entries(PORTS).map(([fault, port]) => [port, OCTETS[fault as Fault]]))}) {
  net.createServer((socket) => {
    const connection = ++connections;
    let hex = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => { hex += chunk.toString("hex"); say({ port, connection, hex, ended: false }); });
    socket.on("end", () => say({ port, connection, hex, ended: true }));
    socket.write(Buffer.from(octets, "hex"));
  }).listen(port);
}`;

export interface RawMessage {
  readonly type: number;
  /** Octets after the header, as hex. */
  readonly body: string;
}

/** Cuts what a connection sent into messages (RFC 4271 4.1); what is no message comes last with type -1. */
export function cutMessages(hex: string): readonly RawMessage[] {
  const messages: RawMessage[] = [];
  for (let at = 0; at < hex.length; ) {
    const length = Number.parseInt(hex.slice(at + 32, at + 36), 16);
    if (hex.slice(at, at + 32) !== MARKER || !(length >= 19) || at + 2 * length > hex.length) {
      return [...messages, { type: -1, body: hex.slice(at) }];
    }
    const type = Number.parseInt(hex.slice(at + 36, at + 38), 16);
    messages.push({ type, body: hex.slice(at + 38, at + 2 * length) });
    at += 2 * length;
  }
  return messages;
}
