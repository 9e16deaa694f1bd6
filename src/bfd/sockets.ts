// SHELL: the UDP sockets of the sessions. Owns which are open: per family, VRF and kind one that receives, per session one
// that sends. Knows no packets. Contract: receiving sockets are opened with the first session that needs them and closed
// with the last (C-245); each session sends from a port of its own (C-205); what cannot be opened is told as a sentence and
// tried again when asked; nothing is allocated for a packet.
import type { Random } from "../kernel/clock.ts";
import { type Ip, type IpVersion, ipToBytes, isLinkLocal, parseIp } from "../kernel/ip.ts";
import {
  droppedPackets,
  lastSendError,
  openReceiver,
  openReflector,
  openSender,
  sendDatagram,
} from "../linux/datagram.ts";
import type { Descriptors } from "../linux/descriptors.ts";
import { interfaceIndex, isIpv4Router } from "../linux/interfaces.ts";
import { etherAddressOf, interfaceWith, linkAddress, openPacketSocket, sourceTowards } from "../linux/packetSocket.ts";
import { socketAddress } from "../linux/sockopt.ts";
import { ECHO_HEADERS, echoPacketTo, isFromAndTo, passedOn } from "./echoPath.ts";
import { ECHO_LENGTH } from "./packet.ts";
import type { SessionHandle } from "./protocol.ts";
import type { BfdPorts, PortKind } from "./threads.ts";

/** Sockets that receive, of all kinds, families and VRFs. */
export const MOST_RECEIVERS = 256;

/** A socket that receives, for all sessions of its kind. */
export interface Receiver {
  readonly fd: number;
  readonly kind: PortKind;
  readonly version: IpVersion;
  /** Interface index of the VRF; 0: the default one. */
  readonly vrfIndex: number;
}

interface OpenReceiver extends Receiver {
  readonly key: string;
  readonly port: number;
  users: number;
  /** Sends echo packets back: TTL 254. IPv4 has none: there the peer's forwarding sends them back, and ours its. */
  readonly reflector: number | null;
}

/** Where an IPv4 echo packet goes: to ourselves, by way of the peer. */
interface EchoPath {
  /** Its payload is replaced for each packet. */
  readonly packet: Uint8Array;
  /** Of the peer, on the link. */
  readonly to: Uint8Array;
}

/** What is open for one session. */
interface SessionSockets {
  readonly handle: SessionHandle;
  receivers: readonly OpenReceiver[];
  sender: number | null;
  to: Uint8Array;
  echo: OpenReceiver | null;
  echoTo: Uint8Array;
  /** IPv4 only; null: not known. */
  echoPath: EchoPath | null;
  /** Why packets do not flow; null: they do. */
  problem: string | null;
  /** Of the last packet; null: it was sent. */
  sendError: string | null;
}

/** Told when packets of a session cannot flow, and (null) when they can again. */
export type OnProblem = (handle: SessionHandle, problem: string | null) => void;

export class SessionSocketTable {
  readonly #receivers = new Map<string, OpenReceiver>();
  readonly #sessions: (SessionSockets | undefined)[] = [];
  readonly #ports: BfdPorts;
  readonly #descriptors: Descriptors;
  readonly #random: Random;
  readonly #onProblem: OnProblem;
  #list: readonly Receiver[] = [];
  #droppedByClosed = 0;
  #isForwarding = isIpv4Router();

  constructor(ports: BfdPorts, descriptors: Descriptors, random: Random, onProblem: OnProblem) {
    this.#ports = ports;
    this.#descriptors = descriptors;
    this.#random = random;
    this.#onProblem = onProblem;
  }

  /** All that receive; another array whenever they change. */
  get receivers(): readonly Receiver[] {
    return this.#list;
  }

  get hasProblems(): boolean {
    return this.#sessions.some((s) => s !== undefined && s.problem !== null);
  }

  open(handle: SessionHandle): void {
    this.#sessions[handle.id] = {
      handle,
      receivers: [],
      sender: null,
      to: NOWHERE,
      echo: null,
      echoTo: NOWHERE,
      echoPath: null,
      problem: null,
      sendError: null,
    };
    this.#openSession(handle.id);
  }

  close(handle: SessionHandle): void {
    const session = this.#sessions[handle.id];
    if (session === undefined) return;
    this.#closeSession(session);
    this.#sessions[handle.id] = undefined;
  }

  /** Opens anew what could not be opened, and, with a name, what depends on that interface. */
  reopen(interfaceName: string | null): void {
    for (const session of this.#sessions) {
      if (session === undefined) continue;
      const { address } = session.handle;
      const isAffected = interfaceName !== null && [address.interface, address.vrf].includes(interfaceName);
      if (session.problem === null && !isAffected) continue;
      this.#closeSession(session);
      this.#openSession(session.handle.id);
    }
  }

  /** @returns whether the kernel took it */
  send(id: number, bytes: Uint8Array, length: number): boolean {
    const session = this.#sessions[id];
    if (session === undefined || session.sender === null) return false;
    const isSent = sendDatagram(session.sender, bytes, length, session.to);
    const error = isSent ? null : lastSendError();
    if (error !== session.sendError) {
      session.sendError = error;
      this.#onProblem(session.handle, error === null ? null : `packets cannot be sent: ${error}`);
    }
    return isSent;
  }

  /** Sends an echo packet, for the peer to send back. @returns whether the kernel took it */
  sendEcho(id: number, bytes: Uint8Array, length: number): boolean {
    const session = this.#sessions[id];
    if (session === undefined || session.echo === null) return false;
    if (session.echo.version === 6) return sendDatagram(session.echo.fd, bytes, length, session.echoTo);
    session.echoPath ??= this.#findEchoPath(session);
    const path = session.echoPath;
    if (path === null) return false;
    for (let i = 0; i < length; i++) path.packet[ECHO_HEADERS + i] = bytes[i] ?? 0;
    return sendDatagram(session.echo.fd, path.packet, path.packet.length, path.to);
  }

  /**
   * An echo packet of a peer goes back to it; those of strangers are left alone.
   * @param from address that it came from, network order
   */
  reflect(receiver: Receiver, from: Uint8Array, bytes: Uint8Array): void {
    for (const session of this.#sessions) {
      if (session === undefined || session.echo === null || session.echo !== receiver) continue;
      if (!isAddressOf(session.echoTo, receiver.version, from)) continue;
      const { reflector, fd } = session.echo;
      if (reflector !== null) sendDatagram(reflector, bytes, bytes.length, session.echoTo);
      else if (!this.#isForwarding && isFromAndTo(bytes, from) && session.echoPath !== null) {
        sendDatagram(fd, passedOn(bytes), bytes.length, session.echoPath.to);
      }
      return;
    }
  }

  /** Looks anew at what may have changed without a word: addresses on the link, and whether this host is a router. */
  refresh(): void {
    for (const session of this.#sessions) {
      if (session !== undefined && session.echo?.version === 4) session.echoPath = this.#findEchoPath(session);
    }
    this.#isForwarding = isIpv4Router();
  }

  /** Packets that the kernel kept from us: TTL not 255, or more than there was room for. */
  dropped(): number {
    return [...this.#receivers.values()].reduce((sum, r) => sum + droppedPackets(r.fd), this.#droppedByClosed);
  }

  closeAll(): void {
    for (const session of this.#sessions) if (session !== undefined) this.#closeSession(session);
    this.#sessions.length = 0;
  }

  #openSession(id: number): void {
    const session = this.#sessions[id];
    if (session === undefined) return;
    const before = session.problem;
    try {
      this.#openSockets(session);
      session.problem = null;
    } catch (error) {
      this.#closeSession(session);
      session.problem = error instanceof Error ? error.message : String(error);
    }
    if (session.problem !== before) this.#onProblem(session.handle, session.problem);
  }

  /** @throws SocketOptionError */
  #openSockets(session: SessionSockets): void {
    const { address, local, usesEcho } = session.handle;
    const peer = literal(address.peer);
    const source = local === null ? null : literal(local);
    const scope = isLinkLocal(peer) && peer.version === 6 ? scopeOf(address.interface) : 0;
    const control = this.#use(address.hop, peer.version, address.vrf);
    session.receivers = [control];
    const device = address.interface ?? address.vrf;
    session.sender = this.#keep(openSender({ version: peer.version, source, scope, device }, this.#random.next()).fd);
    session.to = socketAddress(peer, this.#ports.send[address.hop], scope);
    if (!usesEcho) return;
    session.echo = this.#use("echo", peer.version, address.vrf);
    session.receivers = [control, session.echo];
    session.echoTo = socketAddress(peer, this.#ports.send.echo, scope);
  }

  #closeSession(session: SessionSockets): void {
    if (session.sender !== null) this.#descriptors.close(session.sender);
    session.sender = null;
    session.echo = null;
    session.echoPath = null;
    for (const receiver of session.receivers) this.#release(receiver);
    session.receivers = [];
  }

  #keep(fd: number): number {
    return this.#descriptors.keep(fd);
  }

  #findEchoPath(session: SessionSockets): EchoPath | null {
    const { address, local } = session.handle;
    const peer = literal(address.peer);
    const port = this.#ports.send.echo;
    const source = local === null ? sourceTowards(peer, port) : literal(local);
    const name = address.interface ?? (source === null ? null : interfaceWith(source));
    const ether = name === null ? null : etherAddressOf(peer, name);
    if (source === null || name === null || ether === null) return null;
    const packet = echoPacketTo(ipToBytes(source), port, ECHO_LENGTH);
    return { packet, to: linkAddress(interfaceIndex(name), ether) };
  }

  #use(kind: PortKind, version: IpVersion, vrf: string | null): OpenReceiver {
    const key = `${kind} ${version} ${vrf ?? ""}`;
    const known = this.#receivers.get(key);
    if (known !== undefined) {
      known.users++;
      return known;
    }
    if (this.#receivers.size >= MOST_RECEIVERS) throw new RangeError(`${MOST_RECEIVERS} sockets are open already`);
    const port = this.#ports.listen[kind];
    const samePort = [...this.#receivers.values()].filter((r) => r.port === port && r.version === version);
    const options = { version, port, device: vrf, onLinkOnly: kind === "single" };
    const isPacketSocket = kind === "echo" && version === 4;
    const reflector = kind === "echo" && version === 6 ? this.#keep(openReflector(version, vrf)) : null;
    let fd: number;
    try {
      const others = samePort.map((r) => r.fd);
      fd = this.#keep(isPacketSocket ? openPacketSocket(port) : openReceiver(options, others));
    } catch (error) {
      if (reflector !== null) this.#descriptors.close(reflector);
      throw error;
    }
    const vrfIndex = vrf === null ? 0 : interfaceIndex(vrf);
    const receiver: OpenReceiver = { key, fd, kind, version, vrfIndex, port, users: 1, reflector };
    this.#receivers.set(key, receiver);
    this.#list = [...this.#receivers.values()];
    return receiver;
  }

  #release(receiver: OpenReceiver): void {
    receiver.users--;
    if (receiver.users > 0) return;
    this.#droppedByClosed += droppedPackets(receiver.fd);
    this.#descriptors.close(receiver.fd);
    if (receiver.reflector !== null) this.#descriptors.close(receiver.reflector);
    this.#receivers.delete(receiver.key);
    this.#list = [...this.#receivers.values()];
  }
}

const NOWHERE = new Uint8Array(0);

/** Whether a socket address is that address. */
function isAddressOf(to: Uint8Array, version: IpVersion, address: Uint8Array): boolean {
  const [at, length] = version === 4 ? [4, 4] : [8, 16];
  for (let i = 0; i < length; i++) if (to[at + i] !== address[i]) return false;
  return true;
}

function literal(text: string): Ip {
  const ip = parseIp(text);
  if (ip === null) throw new RangeError(`${text} is not an address`);
  return ip;
}

function scopeOf(name: string | null): number {
  const index = name === null ? 0 : interfaceIndex(name);
  if (index === 0)
    throw new RangeError(name === null ? "a link-local peer needs an interface" : `there is no interface ${name}`);
  return index;
}
