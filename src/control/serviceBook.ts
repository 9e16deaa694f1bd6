// All Services as the API server has them, and in which order their addresses may be written: an address that one Service is to lose is
// with the API server no more before another one is written to have it, so that no crash between two writes leaves it with both.
// Owns who waits for whom. Must not know requests. Contract: pure; `next` gives the one write that may be made now, or none.
import type { RawObject } from "../sources/fields.ts";
import { isWritten, readStored, type StoredService, statusPatch, type WantedStatus } from "./serviceStatus.ts";
import { isOlder } from "./versions.ts";

export class ServiceBook {
  readonly #stored = new Map<string, StoredService>();
  /** Services as an answer told of them, which may have overtaken the watch; else the watch has the word, also of an older version. */
  readonly #answered = new Set<string>();
  /** Services by the address the API server has them with. */
  readonly #users = new Map<string, Set<string>>();
  /** Who waits for an address to be given up. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #wanted: (key: string, stored: StoredService) => WantedStatus | null;

  /** @param wanted what a Service should have; null: no matter what */
  constructor(wanted: (key: string, stored: StoredService) => WantedStatus | null) {
    this.#wanted = wanted;
  }

  get(key: string): StoredService | undefined {
    return this.#stored.get(key);
  }

  keys(): Iterable<string> {
    return this.#stored.keys();
  }

  /** What the API server has, from the watch. @param raw null: the Service is gone @returns who waited for what it gave up */
  seen(key: string, raw: RawObject | null): readonly string[] {
    if (raw === null) return this.#set(key, undefined);
    const stored = readStored(raw);
    if (this.#answered.has(key) && this.#isOlder(key, stored)) return [];
    return this.#set(key, stored);
  }

  /** The answer to a write. @returns as `seen` */
  answered(key: string, raw: RawObject): readonly string[] {
    const stored = readStored(raw);
    const known = this.#stored.get(key);
    if (known === undefined || this.#isOlder(key, stored)) return []; // deleted meanwhile, or the watch was faster
    const isTold = known.resourceVersion === stored.resourceVersion && !this.#answered.has(key);
    const woken = this.#set(key, stored);
    if (!isTold) this.#answered.add(key);
    return woken;
  }

  #isOlder(key: string, { resourceVersion }: StoredService): boolean {
    return isOlder(resourceVersion, this.#stored.get(key)?.resourceVersion ?? "");
  }

  /** Who waited for what the Service has: whether it is to give that up may have changed. They are to be asked for `next` again. */
  waitersFor(key: string): readonly string[] {
    return (this.#stored.get(key)?.ingress ?? []).flatMap((ip) => this.#takeWaiters(ip));
  }

  /** Whether it has not yet what it should have. */
  isPending(key: string): boolean {
    const stored = this.#stored.get(key);
    const wanted = stored === undefined ? null : this.#wanted(key, stored);
    return stored !== undefined && wanted !== null && !isWritten(stored, wanted);
  }

  /** Body of the write that brings the Service nearest to what it should have; null: there is none, or none yet. */
  next(key: string): RawObject | null {
    const stored = this.#stored.get(key);
    const wanted = stored === undefined ? null : this.#wanted(key, stored);
    if (stored === undefined || wanted === null || isWritten(stored, wanted)) return null;
    const taken = wanted.ips.filter((ip) => this.#isToBeGivenUp(ip, key));
    if (taken.length === 0) return statusPatch(stored, wanted);
    for (const ip of taken) this.#waiting.set(ip, (this.#waiting.get(ip) ?? new Set()).add(key));
    // two that swap addresses would wait for each other: what it is to lose goes first
    const kept = stored.ingress.filter((ip) => wanted.ips.includes(ip));
    const half = { ips: kept, pool: kept.length === 0 ? null : stored.pool };
    return isWritten(stored, half) ? null : statusPatch(stored, half);
  }

  /** Whether the API server still has the address with another Service that is to lose it. */
  #isToBeGivenUp(ip: string, key: string): boolean {
    for (const user of this.#users.get(ip) ?? []) {
      const stored = this.#stored.get(user);
      if (user === key || stored === undefined) continue;
      const wanted = this.#wanted(user, stored);
      if (wanted !== null && !wanted.ips.includes(ip)) return true;
    }
    return false;
  }

  #set(key: string, stored: StoredService | undefined): readonly string[] {
    const before = this.#stored.get(key)?.ingress ?? [];
    const after = stored?.ingress ?? [];
    this.#answered.delete(key);
    if (stored === undefined) this.#stored.delete(key);
    else this.#stored.set(key, stored);
    const woken: string[] = [];
    for (const ip of before.filter((text) => !after.includes(text))) {
      const users = this.#users.get(ip);
      users?.delete(key);
      if (users?.size === 0) this.#users.delete(ip);
      woken.push(...this.#takeWaiters(ip));
    }
    for (const ip of after) this.#users.set(ip, (this.#users.get(ip) ?? new Set()).add(key));
    return woken;
  }

  #takeWaiters(ip: string): readonly string[] {
    const waiters = [...(this.#waiting.get(ip) ?? [])];
    this.#waiting.delete(ip);
    return waiters;
  }
}
