// Following one resource of the API server: list, then watch from there, for ever. Owns when to list, watch, resume, begin anew and
// how long to wait in between, and which objects the server is known to have. Knows no HTTP, no timers, no kinds.
// Contract: `handle(event, now)` returns what is to be done, in order; then one timer is armed for `deadline()`, whose passing is the
// event `tick`. At most one request is under way. An object is deleted because the server said so, or because a complete list no
// longer has it: never because of an error, however long it lasts (docs/design.md, rule 3).
import type { Random } from "../kernel/clock.ts";
import { assertNever, Bug } from "../kernel/result.ts";
import { later, Millis } from "../kernel/units.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { type ApiFailure, localFailure, statusFailure } from "./apiError.ts";
import { parseObject } from "./json.ts";
import { keyOf } from "./resources.ts";
import type { WatchAction, WatchEvent, WatchFault, WatchPhase, WatchQuery, WatchView } from "./watchTypes.ts";

/** Objects of one page. */
export const PAGE_SIZE = 500;
/** A list with more pages than this has no end. */
export const MAX_PAGES = 10_000;
/** Greatest pause after the first failure; doubles up to LAST_PAUSE. The pause itself is anywhere between 0 and that. */
export const FIRST_PAUSE = Millis(200);
export const LAST_PAUSE = Millis(30_000);
/** A watch that has lived this long was a good one: failures before it are forgotten. */
export const GOOD_LIFE = Millis(10_000);
/** Pause, times 0.5-1, where only an operator can help: no permission, no such kind. */
export const SLOW_PAUSE = Millis(60_000);
/** A request that brings nothing for so long is given up. */
export const ANSWER_LIMIT = Millis(30_000);
/** The server is asked to end a watch after 300 to 600 s, so that the watches of many nodes do not end together. */
export const SHORTEST_WATCH_SECONDS = 300;
export const LONGEST_WATCH_SECONDS = 600;
/** Bookmarks come about once a minute. A watch that had one and is silent for this long is dead, or its bookmarks ceased. */
export const SILENCE_LIMIT = Millis(150_000);
/** Without bookmarks: how long the server may be late in ending a watch. */
export const LATE_CLOSE = Millis(30_000);
/** Continue tokens that expired in a row before the list is asked for in one page. */
const EXPIRED_LISTS = 2;

export interface WatchCoreOptions {
  readonly ifForbidden: "wait" | "without";
  /** Added to every query, e.g. a field selector. */
  readonly query?: WatchQuery;
  readonly random: Random;
}

type State =
  | { readonly name: "stopped" }
  | { readonly name: "waiting"; readonly until: Millis; readonly verb: "list" | "watch" }
  | { readonly name: "listing"; readonly heardAt: Millis }
  | { readonly name: "opening"; readonly since: Millis; readonly seconds: number }
  | { readonly name: "watching"; readonly since: Millis; readonly seconds: number; readonly heardAt: Millis };

/** A list under way, over its pages and over pauses between them. */
interface Listing {
  readonly seen: Set<string>;
  continueToken: string | null;
  /** Of the first page: a watch from there misses nothing, should a later page be newer. */
  resourceVersion: string | null;
  pages: number;
}

export class WatchCore {
  readonly #options: WatchCoreOptions;
  #state: State = { name: "stopped" };
  #listing: Listing | null = null;
  readonly #known = new Set<string>();
  /** Where a watch resumes; null: only a list can tell. */
  #resourceVersion: string | null = null;
  #isListed = false;
  #listedAt: Millis | null = null;
  #failures = 0;
  #expiredLists = 0;
  #hasBookmarks = false;
  #heardAt: Millis | null = null;
  #watches = 0;
  #lists = 0;
  readonly #errors = new Map<string, number>();
  #fault: WatchFault | null = null;

  constructor(options: WatchCoreOptions) {
    this.#options = options;
  }

  /** When `tick` is due; null: never. */
  deadline(): Millis | null {
    const state = this.#state;
    switch (state.name) {
      case "stopped":
        return null;
      case "waiting":
        return state.until;
      case "listing":
        return later(state.heardAt, ANSWER_LIMIT);
      case "opening":
        return later(state.since, ANSWER_LIMIT);
      case "watching": {
        const end = state.since + state.seconds * 1000 + LATE_CLOSE;
        return Millis(this.#hasBookmarks ? Math.min(end, state.heardAt + SILENCE_LIMIT) : end);
      }
    }
  }

  view(): WatchView {
    return {
      phase: this.#state.name satisfies WatchPhase,
      objects: this.#known.size,
      heardAt: this.#heardAt,
      restarts: Math.max(0, this.#watches - 1),
      lists: this.#lists,
      errors: this.#errors,
      fault: this.#fault,
    };
  }

  handle(event: WatchEvent, now: Millis): readonly WatchAction[] {
    const out: WatchAction[] = [];
    switch (event.type) {
      case "list":
        if (this.#isRequesting()) out.push({ type: "abort" });
        this.#forget();
        this.#failures = 0;
        this.#request("list", now, out);
        break;
      case "items":
        this.#take(event.items, now, out);
        break;
      case "page":
        this.#turnPage(event.resourceVersion, event.continueToken, now, out);
        break;
      case "opened":
        this.#opened(now, out);
        break;
      case "line":
        this.#read(event.text, now, out);
        break;
      case "progress":
        this.#heard(now);
        break;
      case "closed":
        this.#closed(now, out);
        break;
      case "failed":
        this.#failed(event.failure, now, out);
        break;
      case "tick":
        this.#tick(now, out);
        break;
      default:
        assertNever(event);
    }
    return out;
  }

  #isRequesting(): boolean {
    return this.#state.name !== "stopped" && this.#state.name !== "waiting";
  }

  #forget(): void {
    this.#resourceVersion = null;
    this.#listing = null;
  }

  /** Octets are proof of life, whatever they say. */
  #heard(now: Millis): void {
    if (this.#state.name === "listing" || this.#state.name === "watching")
      this.#state = { ...this.#state, heardAt: now };
  }

  // --- asking

  #request(verb: "list" | "watch", now: Millis, out: WatchAction[]): void {
    const { random, query = {} } = this.#options;
    if (verb === "list") {
      this.#listing ??= { seen: new Set(), continueToken: null, resourceVersion: null, pages: 0 };
      this.#state = { name: "listing", heardAt: now };
      const { continueToken } = this.#listing;
      const paging = this.#expiredLists < EXPIRED_LISTS ? { limit: String(PAGE_SIZE) } : {};
      const next = continueToken === null ? {} : { continue: continueToken };
      out.push({ type: "request", verb, query: { ...query, ...paging, ...next } });
      return;
    }
    const spread = LONGEST_WATCH_SECONDS - SHORTEST_WATCH_SECONDS;
    const seconds = SHORTEST_WATCH_SECONDS + Math.floor(random.next() * spread);
    this.#state = { name: "opening", since: now, seconds };
    const watching = {
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: this.#resourceVersion ?? "",
      timeoutSeconds: String(seconds),
    };
    out.push({ type: "request", verb, query: { ...query, ...watching } });
  }

  /** @param atLeast what the server asks for */
  #pause(verb: "list" | "watch", now: Millis, atLeast: Millis | null): void {
    const greatest = Math.min(LAST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    const pause = this.#options.random.next() * greatest + (atLeast ?? 0);
    this.#state = { name: "waiting", until: Millis(now + pause), verb };
  }

  #pauseLong(verb: "list" | "watch", now: Millis): void {
    const pause = SLOW_PAUSE * (0.5 + this.#options.random.next() / 2);
    this.#state = { name: "waiting", until: Millis(now + pause), verb };
  }

  // --- the list

  #take(items: readonly RawObject[], now: Millis, out: WatchAction[]): void {
    const listing = this.#listing;
    if (this.#state.name !== "listing" || listing === null) throw new Bug("items of a list nobody asked for");
    this.#heard(now);
    for (const object of items) {
      const key = keyOf(object);
      if (key === null) {
        this.#break("an item of the list has no name", now, out);
        return;
      }
      listing.seen.add(key);
      this.#known.add(key);
      out.push({ type: "put", key, object });
    }
  }

  #turnPage(resourceVersion: string, continueToken: string | null, now: Millis, out: WatchAction[]): void {
    const listing = this.#listing;
    if (listing === null) return; // it broke before its end
    listing.resourceVersion ??= resourceVersion;
    listing.continueToken = continueToken;
    this.#heardAt = now;
    if (continueToken !== null) {
      if (++listing.pages >= MAX_PAGES) this.#break(`the list has more than ${MAX_PAGES} pages`, now, out);
      else this.#request("list", now, out);
      return;
    }
    for (const key of this.#known) {
      if (listing.seen.has(key)) continue;
      this.#known.delete(key);
      out.push({ type: "delete", key });
    }
    this.#resourceVersion = listing.resourceVersion;
    this.#listing = null;
    this.#expiredLists = 0;
    this.#lists++;
    this.#listedAt = now;
    if (this.#fault?.verb === "list") this.#setFault(null, out);
    this.#settle(out);
    this.#request("watch", now, out);
  }

  #settle(out: WatchAction[]): void {
    if (this.#isListed) return;
    this.#isListed = true;
    out.push({ type: "listed" });
  }

  // --- the watch

  #opened(now: Millis, out: WatchAction[]): void {
    if (this.#state.name !== "opening") return;
    this.#state = { name: "watching", since: now, seconds: this.#state.seconds, heardAt: now };
    this.#watches++;
    this.#setFault(null, out);
  }

  #read(text: string, now: Millis, out: WatchAction[]): void {
    if (this.#state.name !== "watching") return;
    this.#heard(now);
    const line = parseLine(text);
    const version = line === null ? null : versionOf(line.object);
    const key = line === null ? null : keyOf(line.object);
    if (line?.type === "ERROR") {
      this.#failed(statusFailure(null, line.object), now, out, true);
      return;
    }
    if (line === null || version === null || (key === null && line.type !== "BOOKMARK")) {
      this.#break("a line of the watch is no event with name and resourceVersion", now, out);
      return;
    }
    const { type, object } = line;
    if (type === "BOOKMARK") this.#hasBookmarks = true;
    else if (key !== null) {
      if (type !== "DELETED") {
        this.#known.add(key);
        out.push({ type: "put", key, object });
      } else if (this.#known.delete(key)) out.push({ type: "delete", key });
      this.#failures = 0;
    }
    this.#resourceVersion = version;
    this.#heardAt = now;
  }

  #closed(now: Millis, out: WatchAction[]): void {
    if (this.#state.name === "watching") this.#resume(now, out);
    else this.#failed(localFailure("broken", "the connection ended before the answer did"), now, out);
  }

  /** The watch is over without a fault. One that was good for a while is followed by the next at once. */
  #resume(now: Millis, out: WatchAction[]): void {
    if (this.#hasLived(now)) {
      this.#failures = 0;
      this.#request("watch", now, out);
    } else this.#pause("watch", now, null);
  }

  #hasLived(now: Millis): boolean {
    return this.#state.name === "watching" && now - this.#state.since >= GOOD_LIFE;
  }

  // --- trouble

  /** What came cannot be understood: the request is ended and repeated. */
  #break(message: string, now: Millis, out: WatchAction[]): void {
    this.#failed(localFailure("broken", message), now, out, true);
  }

  /** @param isOpen the request is still under way */
  #failed(failure: ApiFailure, now: Millis, out: WatchAction[], isOpen = false): void {
    if (!this.#isRequesting()) return;
    if (isOpen) out.push({ type: "abort" });
    const verb = this.#state.name === "listing" ? "list" : "watch";
    if (this.#hasLived(now)) this.#failures = 0;
    this.#count(failure);
    if (isExpired(failure)) {
      this.#expired(verb, failure, now, out);
      return;
    }
    const kind = failure.code === 403 ? "forbidden" : failure.code === 404 ? "absent" : "trouble";
    this.#setFault({ verb, kind, failure, since: now }, out);
    if (kind === "absent") {
      this.#forget();
      if (verb === "list") this.#settle(out);
      this.#pauseLong("list", now);
    } else if (kind === "forbidden") {
      if (verb === "list" && this.#options.ifForbidden === "without") this.#settle(out);
      this.#pauseLong(verb, now);
    } else this.#pause(verb, now, failure.retryAfter);
  }

  /** The server no longer has what happened since our version, or the rest of the list: only a list from the start helps. */
  #expired(verb: "list" | "watch", failure: ApiFailure, now: Millis, out: WatchAction[]): void {
    if (verb === "list") this.#expiredLists++;
    this.#forget();
    // at once after any outage; but a version that expires as soon as it was listed must not make us list without end
    if (verb === "watch" && (this.#listedAt === null || now - this.#listedAt >= GOOD_LIFE)) {
      this.#request("list", now, out);
      return;
    }
    this.#setFault({ verb, kind: "trouble", failure, since: now }, out);
    this.#pause("list", now, failure.retryAfter);
  }

  #tick(now: Millis, out: WatchAction[]): void {
    const due = this.deadline();
    if (due === null || now < due) return;
    const state = this.#state;
    if (state.name === "waiting") {
      this.#request(state.verb, now, out);
    } else if (state.name === "watching") {
      this.#count(localFailure("silence", ""));
      out.push({ type: "abort" });
      this.#silent(now, out);
    } else {
      const message = `nothing came for ${ANSWER_LIMIT / 1000} s`;
      this.#failed(localFailure("timeout", message), now, out, true);
    }
  }

  /**
   * Half-open: the connection stands, and whoever was at its other end does not. Or the server was restored from a backup, and tells
   * of nothing up to our version, which it has still to reach: a watch from there is mute, bookmarks included, and only a list
   * helps. It is asked for once: bookmarks have to be seen again before their absence means anything.
   */
  #silent(now: Millis, out: WatchAction[]): void {
    if (!this.#hasBookmarks) {
      this.#resume(now, out);
      return;
    }
    this.#hasBookmarks = false;
    this.#failures = 0;
    this.#forget();
    this.#request("list", now, out);
  }

  #count({ code, reason }: ApiFailure): void {
    const key = code === null ? reason : String(code);
    this.#errors.set(key, (this.#errors.get(key) ?? 0) + 1);
  }

  #setFault(fault: WatchFault | null, out: WatchAction[]): void {
    const before = this.#fault;
    if (before === null && fault === null) return;
    const isSame = before !== null && fault !== null && before.kind === fault.kind && before.verb === fault.verb;
    // what lasts keeps its beginning, and the newest words
    this.#fault = isSame ? { ...fault, since: before.since } : fault;
    if (!isSame || before.failure.message !== fault.failure.message) out.push({ type: "faultChanged" });
  }
}

/**
 * 410 is what the server says of versions it has compacted. 400 and `Too large resource version` are what is left of a version when
 * the server behind the address is another one, or was restored from a backup: it will never know ours.
 */
const isExpired = ({ code, reason, message }: ApiFailure): boolean =>
  code === 410 || reason === "Expired" || code === 400 || (code === 504 && /too large resource version/i.test(message));

type EventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
const EVENT_TYPES: ReadonlySet<unknown> = new Set<EventType>(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]);

function parseLine(text: string): { readonly type: EventType; readonly object: RawObject } | null {
  const event = parseObject(text);
  if (event === null || !EVENT_TYPES.has(event.type) || !isRawObject(event.object)) return null;
  return { type: event.type as EventType, object: event.object };
}

function versionOf({ metadata }: RawObject): string | null {
  const version = isRawObject(metadata) ? metadata.resourceVersion : null;
  return typeof version === "string" && version !== "" ? version : null;
}
