// Who may connect to us, and on what terms: from the peers' configurations to one door per remote address, and the limits on
// knocking. Owns the rules why a peer may not come in. Pure; knows no sockets (listener.ts). Contract: a door never offers
// weaker terms than any peer behind it asks for; where that cannot be, it is shut and says why.
import { formatIp, type Ip, isLinkLocal } from "../kernel/ip.ts";
import { later, Millis, type PeerName, secondsToMillis } from "../kernel/units.ts";
import type { PeerConfig } from "./session/config.ts";

/** Options of a peer's socket, whoever opens the connection. */
export interface SocketTerms {
  /** null: the system's default. */
  readonly ttl: number | null;
  readonly minTtl: number | null;
  readonly userTimeout: Millis | null;
}

/** RFC 4271 has no word on TTL: 1 towards external neighbours as every router does it, 255 both ways with RFC 5082. */
export function socketTerms(c: PeerConfig): SocketTerms {
  const isInternal = c.peerAsn === "internal" || c.peerAsn === c.localAsn;
  return {
    ttl: c.gtsmHops !== null ? 255 : isInternal ? null : c.ebgpMultihop ? 255 : 1,
    minTtl: c.gtsmHops === null ? null : 256 - c.gtsmHops,
    userTimeout: c.holdTime === 0 ? null : secondsToMillis(c.holdTime),
  };
}

/** Where connections of one remote address are judged. */
export interface Door {
  readonly key: string;
  readonly address: Ip;
  /** Interface of a link-local address. */
  readonly zone: string | null;
  readonly peers: readonly PeerName[];
  readonly terms: SocketTerms;
  /** TCP MD5 key that the kernel must check before the connection is ours. */
  readonly password: string | null;
}

export interface Doors {
  readonly doors: ReadonlyMap<string, Door>;
  /** Peers whose connections are not taken although they should be, with the reason. */
  readonly problems: ReadonlyMap<PeerName, string>;
}

/** Link-local addresses are unique on their interface only. */
export const doorKey = (address: Ip, zone: string | null): string =>
  isLinkLocal(address) && address.version === 6 ? `${formatIp(address)}%${zone ?? ""}` : formatIp(address);

/**
 * @param listensOn families that the daemon listens on
 * @param neighborOn the link-local address that was found on an interface; null: none yet
 */
export function planDoors(
  configs: readonly PeerConfig[],
  listensOn: ReadonlySet<4 | 6>,
  neighborOn: (interfaceName: string) => Ip | null,
): Doors {
  const doors = new Map<string, Door>();
  const problems = new Map<PeerName, string>();
  const shut = new Set<string>();
  for (const c of configs) {
    if (c.opens === "us") continue;
    const version = c.address?.version ?? 6;
    if (!listensOn.has(version)) {
      problems.set(c.name, `the daemon does not listen for IPv${version} connections (setting listen)`);
      continue;
    }
    if (c.vrf !== null) {
      problems.set(c.name, `connections in VRF ${c.vrf} are not taken: the daemon listens in the default VRF alone`);
      continue;
    }
    const address = c.address ?? (c.interface === null ? null : neighborOn(c.interface));
    if (address === null) continue;
    const key = doorKey(address, c.interface);
    const known = doors.get(key);
    const door: Door = {
      key,
      address,
      zone: key.includes("%") ? c.interface : null,
      peers: [...(known?.peers ?? []), c.name],
      terms: socketTerms(c),
      password: c.password,
    };
    if (known !== undefined && termsText(known) !== termsText(door)) shut.add(key);
    doors.set(key, door);
  }
  // the kernel knows one key per address, whatever the interface
  for (const door of doors.values()) {
    const others = [...doors.values()].filter((d) => formatIp(d.address) === formatIp(door.address));
    if (others.some((d) => d.password !== door.password)) shut.add(door.key);
  }
  for (const key of shut) {
    const { peers = [], address } = doors.get(key) ?? {};
    const text = `connections from ${address === undefined ? key : formatIp(address)} are not taken: peers with this address differ in password, TTL or hold time`;
    for (const name of peers) problems.set(name, text);
    doors.delete(key);
  }
  return { doors, problems };
}

const termsText = ({ terms, password }: Door): string => JSON.stringify([terms, password]);

/** Connections within a second after which those of strangers are dropped by the kernel for a while. */
export const STRANGERS_PER_SECOND = 100;
/** The same for one peer: no router connects anew more often. */
export const CONNECTS_PER_SECOND = 20;
/** How long the kernel drops them. */
export const SHIELD_TIME = Millis(10_000);

const WINDOW = Millis(1_000);

/** Counts who knocks, and names those who do so too often. Memory: one entry per door, and one for all strangers. */
export class KnockCounter {
  #windowEnd = Millis(0);
  readonly #knocks = new Map<string | null, number>();
  readonly #tooMany = new Set<string | null>();

  /** Doors, and null for strangers, that are over their limit. */
  get tooMany(): ReadonlySet<string | null> {
    return this.#tooMany;
  }

  /** @param door its key; null: a stranger @returns true when this was the one too many */
  knock(door: string | null, now: Millis): boolean {
    if (now >= this.#windowEnd) {
      this.#windowEnd = later(now, WINDOW);
      this.#knocks.clear();
    }
    const count = (this.#knocks.get(door) ?? 0) + 1;
    this.#knocks.set(door, count);
    if (count <= (door === null ? STRANGERS_PER_SECOND : CONNECTS_PER_SECOND) || this.#tooMany.has(door)) return false;
    this.#tooMany.add(door);
    return true;
  }

  /** The time of those over their limit is served. */
  forgive(): void {
    this.#tooMany.clear();
    this.#knocks.clear();
  }
}
