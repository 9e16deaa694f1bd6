// Brings the objects of one kind in line with what is to be reported: wanted against seen, one write at a time for each object. Owns
// what is written when, and what is done about refusals. Knows nothing of requests, of watches or of what the reports say.
// Contract: level-triggered: `next` gives a write exactly where the two sides differ, whoever changed them; nothing before the first
// complete list and before the owner is known. Changes of one object are paced, refused writes wait longer each time, and a write
// that the server takes and does not keep is not repeated. What the owner of the queue holds is bounded by the reports and objects.
import { later, Millis } from "../kernel/units.ts";
import type { ApiFailure } from "../kube/apiError.ts";
import type { RawObject } from "../sources/fields.ts";
import { isSame } from "../sources/same.ts";
import { Obstacles, type WriteFault } from "./obstacles.ts";
import { doubled, Pace } from "./pace.ts";
import {
  createBody,
  isOlder,
  metadataPatch,
  type OwnerReference,
  type Report,
  type ReportKind,
  readSeen,
  type Seen,
  statusPatch,
} from "./report.ts";

export type Write =
  | { readonly type: "create"; readonly key: string; readonly body: RawObject }
  /** Labels and owner. */
  | { readonly type: "describe"; readonly key: string; readonly name: string; readonly body: RawObject }
  | { readonly type: "status"; readonly key: string; readonly name: string; readonly body: RawObject }
  | { readonly type: "delete"; readonly key: string; readonly name: string; readonly uid: string }
  /** After a conflict or a 404: what is there now? */
  | { readonly type: "read"; readonly key: string; readonly name: string };

export type WriteAnswer =
  /** @param object as the server has it now; null: it is gone */
  { readonly ok: true; readonly object: RawObject | null } | { readonly ok: false; readonly failure: ApiFailure };

/** First pause of one object whose writes conflict or are refused, and the longest. */
export const RETRY_FIRST = Millis(100);
export const RETRY_LAST = Millis(300_000);

/** Objects compared at a time: what turns out to be as it should takes time, too. */
const LOOKS_AT_ONCE = 200;

/** A stored object with what we know of it from our own writes alone. */
interface Stored extends Seen {
  /** The watch has told of it. */
  readonly isConfirmed: boolean;
}

export class Keeper {
  readonly kind: ReportKind;
  readonly #home: string;
  readonly #wanted = new Map<string, Report>();
  /** By key, the one that stays first. */
  readonly #seen = new Map<string, readonly Stored[]>();
  readonly #keyOfName = new Map<string, string>();
  /** Objects that we deleted and whose end the watch has not told: uid by name. */
  readonly #gone = new Map<string, string>();
  /** To be looked at. */
  readonly #queue = new Set<string>();
  /** Objects that are being made: the first status is part of that, whoever tells first that the object is there. */
  readonly #young = new Set<string>();
  /** Changed by someone else than our own answers: paced. */
  readonly #fresh = new Set<string>();
  readonly #later = new Map<string, Millis>();
  #nextLater: Millis | null = null;
  readonly #busy = new Map<string, Write>();
  /** The one that went last at the end; one that is over is the same as none. */
  readonly #paces = new Map<string, { readonly pace: Pace; urgent: string }>();
  readonly #failures = new Map<string, number>();
  /** Objects that the server does not take. */
  readonly #refused = new Map<string, WriteFault>();
  readonly #unsure = new Set<string>();
  /** Writes that the server took without keeping what they say: by key, the version and the text. */
  readonly #futile = new Map<string, string>();
  readonly #obstacles: Obstacles;
  #owner: OwnerReference | null = null;
  /** As an object of ours has it. */
  #owners: readonly OwnerReference[] = [];
  #isListed = false;
  #hasMore = false;

  /** @param home namespace of the objects */
  constructor(kind: ReportKind, home: string, random: { next(): number }) {
    this.kind = kind;
    this.#home = home;
    this.#obstacles = new Obstacles(random);
  }

  get fault(): WriteFault | null {
    const [refused = null] = this.#refused.values();
    return this.#obstacles.fault ?? refused;
  }

  /** Objects that are not known to be as they should. */
  get pending(): number {
    return this.#queue.size + this.#later.size + this.#busy.size;
  }

  get isListed(): boolean {
    return this.#isListed;
  }

  /** Objects whose last write is remembered for the sake of its pace. */
  get paced(): number {
    return this.#paces.size;
  }

  has(key: string): boolean {
    return this.#seen.has(key);
  }

  wantedKeys(): Iterable<string> {
    return this.#wanted.keys();
  }

  want(report: Report): void {
    this.#wanted.set(report.key, report);
    this.#touch(report.key);
  }

  unwant(key: string): void {
    if (this.#wanted.delete(key)) this.#touch(key);
  }

  setOwner(owner: OwnerReference | null): void {
    const before = this.#owner;
    this.#owner = owner;
    if (owner === null || owner.uid === before?.uid) return;
    this.#owners = [owner];
    for (const key of this.#wanted.keys()) this.#queue.add(key);
  }

  // --- what the watch tells

  /** @returns false: it is no news, or not ours */
  put(raw: RawObject): boolean {
    return this.#take(raw, true);
  }

  /** @returns true: someone else deleted an object that should be there */
  deleted(name: string): boolean {
    this.#gone.delete(name);
    const key = this.#keyOfName.get(name);
    if (key === undefined) return false;
    this.#forget(name);
    this.#touch(key);
    return this.#wanted.has(key);
  }

  /** A list is complete: what it does not have is gone, and what only our own answers told of is asked for. */
  listed(): void {
    this.#isListed = true;
    this.#gone.clear();
    for (const [key, objects] of this.#seen) {
      if (!objects.some((o) => !o.isConfirmed)) continue;
      this.#unsure.add(key);
      this.#touch(key);
    }
  }

  // --- what is to be done

  /** The last `next` has not looked at everything: ask again in another turn. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** The next write; null: none was found. Its answer goes to `answer`. */
  next(now: Millis): Write | null {
    this.#hasMore = false;
    if (!this.#isListed || this.#owner === null || this.#obstacles.isPaused(now)) return null;
    this.#wake(now);
    let left = LOOKS_AT_ONCE;
    for (const key of this.#queue) {
      if (this.#busy.has(key)) continue;
      if (left-- === 0) {
        this.#hasMore = true;
        return null;
      }
      this.#queue.delete(key);
      const write = this.#difference(key, this.#owner);
      if (write === null) {
        this.#settle(key);
        continue;
      }
      const until = this.#mayGo(write, now);
      if (until !== null) {
        this.#delay(key, until);
        continue;
      }
      if (write.type === "create") this.#young.add(key);
      this.#busy.set(key, write);
      return write;
    }
    return null;
  }

  /** When to ask `next` again although nothing is told; null: not before something is, such as the list or the owner. */
  deadline(): Millis | null {
    if (!this.#isListed || this.#owner === null) return null;
    const paused = this.#obstacles.pausedUntil;
    if (paused !== null && this.pending > 0) return paused;
    return this.#nextLater;
  }

  answer(write: Write, answer: WriteAnswer, now: Millis): void {
    const { key } = write;
    this.#busy.delete(key);
    this.#queue.add(key);
    if (answer.ok) {
      this.#obstacles.worked(write.type);
      if (write.type !== "read") this.#recovered(key);
      this.#unsure.delete(key);
      this.#worked(write, answer.object);
      return;
    }
    const { failure } = answer;
    if (failure.code === 404 && (write.type === "read" || write.type === "delete")) {
      this.#unsure.delete(key);
      this.#forget(write.name);
      return;
    }
    // a conflict: it has just been changed; 404: it is gone, or it is there and the server has no such part of it
    const isDoubt = failure.code === 409 || (failure.code === 404 && write.type !== "create");
    if (!isDoubt && this.#obstacles.stopped(write.type, failure, now)) return;
    if (isDoubt) this.#unsure.add(key);
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    // the first doubt is settled at once: the object is read and written again
    const isFirst = isDoubt && failures === 1;
    if (failure.code !== 409 && !isFirst && !this.#refused.has(key))
      this.#refused.set(key, { kind: "refused", action: write.type, failure });
    if (!isFirst) this.#delay(key, later(now, doubled(failures, RETRY_FIRST, RETRY_LAST)));
  }

  #recovered(key: string): void {
    this.#failures.delete(key);
    this.#refused.delete(key);
  }

  #worked(write: Write, object: RawObject | null): void {
    if (write.type === "delete") {
      if (this.#keyOfName.has(write.name)) this.#gone.set(write.name, write.uid);
      this.#forget(write.name);
      return;
    }
    if (object === null) return;
    this.#take(object, false);
    if (write.type === "create" || write.type === "read" || this.#owner === null) return;
    const again = this.#difference(write.key, this.#owner);
    if (again?.type === write.type && textOf(again) === textOf(write))
      this.#futile.set(futileKey(again), `${readSeen(object).version} ${textOf(again)}`);
  }

  #difference(key: string, owner: OwnerReference): Write | null {
    const [first, second] = this.#seen.get(key) ?? [];
    const wanted = this.#wanted.get(key);
    if (this.#unsure.has(key)) {
      const name = first?.name ?? (wanted !== undefined && "name" in wanted.metadata ? wanted.metadata.name : null);
      if (name !== null) return { type: "read", key, name };
    }
    const surplus = wanted === undefined ? first : second;
    if (surplus !== undefined) return { type: "delete", key, name: surplus.name, uid: surplus.uid };
    if (wanted === undefined) return null;
    if (first === undefined) return { type: "create", key, body: createBody(this.kind, wanted, owner, this.#home) };
    const patches = [
      { type: "describe", body: metadataPatch(first, wanted, owner) },
      { type: "status", body: statusPatch(this.kind, first, wanted) },
    ] as const;
    for (const { type, body } of patches) {
      if (body === null) continue;
      const write: Write = { type, key, name: first.name, body };
      if (this.#futile.get(futileKey(write)) !== `${first.version} ${textOf(write)}`) return write;
    }
    return null;
  }

  /** null: now. */
  #mayGo({ type, key }: Write, now: Millis): Millis | null {
    const isFirstStatus = this.#young.delete(key) && type === "status";
    if (!this.#fresh.has(key) || isFirstStatus) return null;
    const urgent = this.#wanted.get(key)?.urgent ?? "";
    const known = this.#paces.get(key) ?? { pace: new Pace(), urgent };
    const until = known.pace.waitsUntil(now, urgent !== known.urgent);
    if (until !== null) return until;
    known.pace.goes(now);
    known.urgent = urgent;
    this.#paces.delete(key);
    this.#paces.set(key, known);
    for (const [oldest, { pace }] of this.#paces) {
      if (!pace.isOver(now)) break;
      this.#paces.delete(oldest);
    }
    this.#fresh.delete(key);
    return null;
  }

  #settle(key: string): void {
    this.#fresh.delete(key);
    this.#young.delete(key);
    this.#recovered(key);
    this.#share(key);
    if (this.#wanted.has(key) || this.#seen.has(key)) return;
    this.#futile.delete(`status ${key}`);
    this.#futile.delete(`describe ${key}`);
  }

  /** What is stored says the same as what is wanted: kept once, for thousands of Services that is half the memory. */
  #share(key: string): void {
    const wanted = this.#wanted.get(key);
    const [first] = this.#seen.get(key) ?? [];
    if (wanted === undefined || first === undefined || first.owners === this.#owners) return;
    const shared = {
      ...first,
      owners: isSame(first.owners, this.#owners) ? this.#owners : first.owners,
      labels: isSame(first.labels, wanted.labels) ? wanted.labels : first.labels,
      status: isSame(first.status, wanted.status) ? wanted.status : first.status,
    };
    this.#seen.set(key, [shared]);
  }

  #take(raw: RawObject, isConfirmed: boolean): boolean {
    const seen: Stored = { ...readSeen(raw), isConfirmed };
    if (seen.name === "" || this.#gone.get(seen.name) === seen.uid) return false;
    const known = this.#keyOfName.get(seen.name);
    const before = known === undefined ? undefined : this.#seen.get(known)?.find((s) => s.name === seen.name);
    if (before !== undefined && before.uid === seen.uid) {
      const isNews = before.version !== seen.version && !isOlder(seen.version, before.version);
      if (!isNews) {
        if (isConfirmed && known !== undefined) this.#replace(known, { ...before, isConfirmed });
        return false;
      }
    }
    const key = this.kind.keyOf(seen);
    if (before !== undefined && key !== known) this.#forget(seen.name);
    if (key === null) return false;
    this.#replace(key, seen);
    this.#keyOfName.set(seen.name, key);
    if (isConfirmed) this.#touch(key);
    return true;
  }

  #replace(key: string, seen: Stored): void {
    const others = (this.#seen.get(key) ?? []).filter((s) => s.name !== seen.name);
    this.#seen.set(key, [...others, seen].sort(byAge));
  }

  #forget(name: string): void {
    const key = this.#keyOfName.get(name);
    this.#keyOfName.delete(name);
    if (key === undefined) return;
    const left = (this.#seen.get(key) ?? []).filter((s) => s.name !== name);
    if (left.length > 0) this.#seen.set(key, left);
    else this.#seen.delete(key);
  }

  #touch(key: string): void {
    this.#fresh.add(key);
    // a refused object is looked at in its time, a paced one perhaps at once
    if (!this.#failures.has(key)) this.#later.delete(key);
    if (!this.#later.has(key)) this.#queue.add(key);
  }

  #delay(key: string, until: Millis): void {
    this.#queue.delete(key);
    this.#later.set(key, until);
    if (this.#nextLater === null || until < this.#nextLater) this.#nextLater = until;
  }

  #wake(now: Millis): void {
    if (this.#nextLater === null || this.#nextLater > now) return;
    let next: Millis | null = null;
    for (const [key, at] of this.#later) {
      if (at <= now) {
        this.#later.delete(key);
        this.#queue.add(key);
      } else if (next === null || at < next) next = at;
    }
    this.#nextLater = next;
  }
}

/** The eldest stays (metallb-compat 1.8); of one second, the first name. */
const byAge = (a: Stored, b: Stored): number =>
  a.createdAt < b.createdAt || (a.createdAt === b.createdAt && a.name < b.name) ? -1 : 1;

const futileKey = (write: Write): string => `${write.type} ${write.key}`;

/** What a patch asks for, without the version it was made from. */
function textOf(write: Write): string {
  if (write.type !== "describe" && write.type !== "status") return "";
  const { metadata, ...rest } = write.body;
  const { resourceVersion: _, ...asked } = metadata as RawObject;
  return JSON.stringify([asked, rest]);
}
