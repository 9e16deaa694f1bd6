// A receiving router small enough to embed: listens on loopback, agrees to whatever a speaker offers, keeps its table.
// For the demo on machines without FRR or root, and for tests that need a peer whose bytes they can see. It judges nothing
// and routes nothing. It shares the codec with the speaker, so it proves plumbing, not conformance: that is FRR's part.
import net from "node:net";
import { decodeMessage, encodeMessage } from "../src/bgp/wire/codec.ts";
import { Framer } from "../src/bgp/wire/framer.ts";
import type { Negotiated, NotificationMessage, OpenMessage, UpdateMessage } from "../src/bgp/wire/message.ts";
import { prefixesOf } from "../src/bgp/wire/nlri.ts";
import { afiSafi, formatCommunity } from "../src/bgp/wire/registry.ts";
import { formatIp, formatPrefix } from "../src/kernel/ip.ts";
import { Asn, Seconds } from "../src/kernel/units.ts";

export interface ReceivedRoute {
  readonly prefix: string;
  readonly nextHop: string;
  readonly localPref: number | null;
  readonly med: number | null;
  readonly asPath: readonly number[];
  readonly communities: readonly string[];
}

export type ReceiverEvent =
  | { readonly type: "established"; readonly peerAsn: number }
  | { readonly type: "announced"; readonly route: ReceivedRoute }
  | { readonly type: "withdrawn"; readonly prefix: string }
  | { readonly type: "endOfRib" }
  | { readonly type: "notification"; readonly notification: NotificationMessage }
  | { readonly type: "closed" };

export interface ReceiverOptions {
  readonly address?: string;
  readonly asn: number;
  readonly onEvent?: (event: ReceiverEvent) => void;
}

export class Receiver {
  readonly #server: net.Server;
  readonly #options: ReceiverOptions;
  readonly #sockets = new Set<net.Socket>();
  readonly table = new Map<string, ReceivedRoute>();
  /** Connections accepted so far. */
  connections = 0;

  private constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#server = net.createServer((socket) => this.#accept(socket));
  }

  static async listen(options: ReceiverOptions): Promise<Receiver> {
    const receiver = new Receiver(options);
    // BGPPeer admits ports up to 16384 only, so the kernel's choice of an ephemeral one would not do
    for (let attempt = 0; attempt < 100; attempt++) {
      const port = 10_000 + Math.floor(Math.random() * 6_000);
      if (await receiver.#tryListen(port, options.address ?? "127.0.0.1")) return receiver;
    }
    throw new Error("no free port between 10000 and 16000 on loopback");
  }

  #tryListen(port: number, address: string): Promise<boolean> {
    return new Promise((resolve) => {
      const failed = (): void => resolve(false);
      this.#server.once("error", failed);
      this.#server.listen(port, address, () => {
        this.#server.off("error", failed);
        resolve(true);
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Cuts every connection without a word, as a crashed router would. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dropConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: net.Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    const session = new Session(socket, this.#options, this.table);
    socket.on("data", (bytes) => session.read(bytes));
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      session.end();
      this.table.clear();
      this.#options.onEvent?.({ type: "closed" });
    });
  }
}

const HOLD_TIME = Seconds(90);

class Session {
  readonly #socket: net.Socket;
  readonly #options: ReceiverOptions;
  readonly #table: Map<string, ReceivedRoute>;
  readonly #framer = new Framer();
  #negotiated: Negotiated | null = null;
  #isEstablished = false;
  #keepalive: NodeJS.Timeout | null = null;

  constructor(socket: net.Socket, options: ReceiverOptions, table: Map<string, ReceivedRoute>) {
    this.#socket = socket;
    this.#options = options;
    this.#table = table;
  }

  end(): void {
    if (this.#keepalive !== null) clearInterval(this.#keepalive);
  }

  read(bytes: Uint8Array): void {
    this.#framer.push(bytes);
    for (let frame = this.#framer.next(); frame !== null; frame = this.#framer.next()) {
      const message = frame.ok ? decodeMessage(frame.value.type, frame.value.body, this.#negotiated) : frame;
      if (!message.ok) {
        this.#socket.destroy();
        return;
      }
      const value = message.value;
      if (value.type === "open") this.#onOpen(value);
      else if (value.type === "keepalive") this.#onKeepalive();
      else if (value.type === "update") this.#onUpdate(value);
      else if (value.type === "notification") this.#options.onEvent?.({ type: "notification", notification: value });
    }
  }

  #onOpen(open: OpenMessage): void {
    const fourOctet = open.capabilities.find((c) => c.type === "fourOctetAsn");
    const peerAsn = fourOctet?.asn ?? open.asn;
    const families = (["ipv4-unicast", "ipv6-unicast"] as const).filter((family) => {
      const own = afiSafi(family);
      return open.capabilities.some((c) => c.type === "multiprotocol" && c.afi === own.afi && c.safi === own.safi);
    });
    const { asn } = this.#options;
    this.#negotiated = {
      localAsn: Asn(asn),
      peerAsn: Asn(peerAsn),
      isInternal: asn === peerAsn,
      fourOctetAsn: fourOctet !== undefined,
      extendedMessage: false,
      families: families.length === 0 ? ["ipv4-unicast"] : families,
      extendedNextHop: false,
      routeRefresh: false,
      enhancedRouteRefresh: false,
      holdTime: HOLD_TIME,
      keepaliveTime: Seconds(30),
    };
    const answer: OpenMessage = {
      type: "open",
      version: 4,
      asn: asn > 0xffff ? 23456 : asn,
      holdTime: HOLD_TIME,
      identifier: open.identifier === 0x7f00_0001 ? 0x7f00_0002 : 0x7f00_0001,
      capabilities: [
        ...this.#negotiated.families.map((f) => ({ type: "multiprotocol" as const, ...afiSafi(f) })),
        { type: "fourOctetAsn", asn },
      ],
    };
    this.#socket.write(encodeMessage(answer));
    this.#socket.write(encodeMessage({ type: "keepalive" }));
    this.#keepalive = setInterval(() => this.#socket.write(encodeMessage({ type: "keepalive" })), 1000);
    this.#keepalive.unref();
  }

  #onKeepalive(): void {
    if (this.#isEstablished || this.#negotiated === null) return;
    this.#isEstablished = true;
    this.#options.onEvent?.({ type: "established", peerAsn: this.#negotiated.peerAsn });
  }

  #onUpdate(update: UpdateMessage): void {
    const { attributes } = update;
    for (const prefix of update.withdrawn.flatMap(prefixesOf).map(formatPrefix)) {
      this.#table.delete(prefix);
      this.#options.onEvent?.({ type: "withdrawn", prefix });
    }
    for (const prefix of update.reachable.flatMap(prefixesOf).map(formatPrefix)) {
      const route: ReceivedRoute = {
        prefix,
        nextHop: attributes.nextHop === null ? "" : formatIp(attributes.nextHop),
        localPref: attributes.localPref,
        med: attributes.med,
        asPath: (attributes.asPath ?? []).flatMap((segment) => segment.asns),
        communities: attributes.communities.map(formatCommunity),
      };
      this.#table.set(prefix, route);
      this.#options.onEvent?.({ type: "announced", route });
    }
    if (update.endOfRib !== null) this.#options.onEvent?.({ type: "endOfRib" });
  }
}
