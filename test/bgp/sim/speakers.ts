// Speakers on simulated hosts, and the little one needs to drive and to watch them. Owns no expectations.
import { PeerRunner } from "../../../src/bgp/peerRunner.ts";
import type { PeerObserver } from "../../../src/bgp/peerSurroundings.ts";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { Speaker, type SpeakerSurroundings } from "../../../src/bgp/speaker.ts";
import type { RouteAttributes } from "../../../src/bgp/wire/message.ts";
import type { Random } from "../../../src/kernel/clock.ts";
import {
  formatIp,
  formatPrefix,
  type Ip,
  ipv4,
  ipv6,
  isLinkLocal,
  type Prefix,
  prefixOf,
} from "../../../src/kernel/ip.ts";
import { Asn, PeerName, RouterId, Seconds } from "../../../src/kernel/units.ts";
import { address, configWith } from "../session/fixtures.ts";
import { routeAttributes } from "../wire/support.ts";
import type { WireTap } from "./wire.ts";
import { type End, type Host, seeded, type World } from "./world.ts";

/** How many seeds a property tries: few by default, as many as VIPCAST_SIM_SEEDS says for a long run. */
export const seedCount = (few: number): number => Number(process.env.VIPCAST_SIM_SEEDS ?? few);

/** Runs the property for one seed after the other and names the seed that fails. */
export function forEachSeed(few: number, property: (seed: number) => void): void {
  for (let seed = 1; seed <= seedCount(few); seed++) {
    try {
      property(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}

export const A = address(192, 0, 2, 1);
export const B = address(192, 0, 2, 2);

/** What a peer's observer heard, as text. */
export class Watch implements PeerObserver {
  readonly log: string[] = [];
  readonly defects: unknown[] = [];
  /** Called inside each report: a place to put a defect. */
  onState: (to: string) => void = () => {};
  onDrained: () => void = () => {};

  stateChanged(runner: PeerRunner, from: string, to: string): void {
    this.log.push(`${runner.config.name} ${from} -> ${to}`);
    this.onState(to);
  }
  ended(runner: PeerRunner, cause: { readonly kind: string }): void {
    this.log.push(`${runner.config.name} ended ${cause.kind}`);
  }
  drained(): void {
    this.onDrained();
  }
  updateFaults(runner: PeerRunner): void {
    this.log.push(`${runner.config.name} updateFaults`);
  }
  defect(runner: PeerRunner, error: unknown): void {
    this.log.push(`${runner.config.name} defect`);
    this.defects.push(error);
  }
}

export interface Station {
  readonly host: Host;
  readonly speaker: Speaker;
  readonly watch: Watch;
  /** The process is gone, without a word from it. @param withHost its kernel, too, so that nobody resets its connections */
  kill(withHost?: boolean): void;
}

/** A speaker on that address. It listens unless told otherwise. */
export function station(
  world: World,
  at: Ip,
  options: { listens?: boolean; random?: Random } & Pick<SpeakerSurroundings, "restart" | "watcher"> = {},
): Station {
  const host = world.hosts.get(formatIp(at)) ?? world.host(at);
  const watch = new Watch();
  let isAlive = true;
  const speaker = new Speaker({
    clock: host.clock,
    timers: { after: (delay, callback) => host.timers.after(delay, () => (isAlive ? callback() : undefined)) },
    random: options.random ?? seeded(world.pick(0, 2 ** 31)),
    network: host,
    observer: watch,
    ...(options.restart === undefined ? {} : { restart: options.restart }),
    ...(options.watcher === undefined ? {} : { watcher: options.watcher }),
  });
  const zoneOf = (remote: Ip): string | null => (isLinkLocal(remote) ? "eth0" : null);
  host.acceptor =
    options.listens === false ? null : (remote, local, take) => speaker.offer(remote, local, take, zoneOf(remote));
  const kill = (withHost = false): void => {
    isAlive = false;
    host.acceptor = null;
    for (const end of openEnds(world, host)) {
      end.handlers = null;
      if (withHost) end.phase = "dead";
      else end.abort();
    }
  };
  return { host, speaker, watch, kill };
}

/** Every address has its own AS, of four octets. */
const asnOf = (at: Ip): Asn => Asn(4_200_000_000 + (at.w0 & 0xffff));

/** How the speaker on `us` is configured towards `them`; AS and router id follow from the addresses. */
export function peerTowards(us: Ip, them: Ip, change: Partial<PeerConfig> = {}): PeerConfig {
  return configWith({
    name: PeerName(`peer-${them.w0 & 0xffff}`),
    address: them,
    localAsn: asnOf(us),
    peerAsn: asnOf(them),
    routerId: RouterId(us.w0),
    connectRetryTime: Seconds(10),
    ...change,
  });
}

export const nameOf = (them: Ip): PeerName => PeerName(`peer-${them.w0 & 0xffff}`);

export function runnerOf(at: Station, them: Ip): PeerRunner {
  const runner = at.speaker.peer(nameOf(them));
  if (!(runner instanceof PeerRunner)) throw new Error("no such peer");
  return runner;
}

export const vip = (n: number): Prefix => prefixOf(ipv4((0x0a00_0000 + n) >>> 0), 32);
export const vip6 = (n: number): Prefix => prefixOf(ipv6(0x2001_0db8, 0, 0, n), 128);

export const attributes = (community: number, med: number | null = null): RouteAttributes =>
  routeAttributes({ communities: [community], med });

/** The same text as the tables of the tap have. */
export const routeText = (a: RouteAttributes): string => `${a.med ?? 0}|${a.communities.join()}`;

/** The wishes towards one peer, recorded twice: with the speaker and in a plain map. */
export class Desired {
  readonly table = new Map<string, string>();
  readonly #speaker: Speaker;
  readonly #peer: PeerName;

  constructor(speaker: Speaker, peer: PeerName) {
    this.#speaker = speaker;
    this.#peer = peer;
  }

  set(prefix: Prefix, wish: RouteAttributes | null): void {
    this.#speaker.setRoute(this.#peer, prefix, wish);
    if (wish === null) this.table.delete(formatPrefix(prefix));
    else this.table.set(formatPrefix(prefix), routeText(wish));
  }
}

/** Ends of open connections on that host. */
export const openEnds = (world: World, host: Host): End[] =>
  world.links.flatMap((link) => [link.dialler, link.answerer]).filter((e) => e.host === host && e.phase === "open");

/** The one end on that host whose connection is open on both sides; throws when there is not exactly one. */
export function onlyEnd(world: World, host: Host): End {
  const ends = openEnds(world, host).filter((e) => e.other.phase === "open");
  const [end] = ends;
  if (end === undefined || ends.length !== 1) throw new Error(`${ends.length} open connections`);
  return end;
}

/** What the receiving host has heard on its only connection. */
export const tableAt = (world: World, tap: WireTap, host: Host): ReadonlyMap<string, string> =>
  tap.heard(onlyEnd(world, host)).table;
