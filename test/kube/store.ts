// Objects with their history: one revision counter for all tables, every change an event, old events compacted away. Owns
// what a revision means. Knows nothing of HTTP, of versions of kinds, of what is in an object but metadata.resourceVersion.
// Contract: a change is one revision and one event; `snapshot` and `since` answer exactly or throw `Compacted`; subscribers
// hear of a change in the turn it is made, in order.
import type { KubeObject } from "./objects.ts";

export interface StoreEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly revision: number;
  /** After the change; of a deletion: as it last was, with the revision of its deletion. */
  readonly object: KubeObject;
  /** Before the change; null when there was none. */
  readonly previous: KubeObject | null;
}

/** What happened at the revision asked for is no longer known. */
export class Compacted extends Error {
  override readonly name = "Compacted";
  readonly oldest: number;
  constructor(oldest: number) {
    super(`compacted up to ${oldest}`);
    this.oldest = oldest;
  }
}

interface Table {
  readonly objects: Map<string, KubeObject>;
  events: StoreEvent[];
  readonly listeners: Set<(event: StoreEvent) => void>;
}

/** Two digits at first, so that a client that compares revisions as text is found out. */
const FIRST_REVISION = 96;

/** Events kept of a table; older ones are compacted. */
const HISTORY = 50_000;

export const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

const keyOfObject = (object: KubeObject): string => {
  const { namespace, name } = object.metadata;
  return keyOf(typeof namespace === "string" ? namespace : "", name);
};

export class Store {
  readonly #tables = new Map<string, Table>();
  #revision = FIRST_REVISION;
  /** Revisions up to this one cannot be asked for. */
  #compacted = 0;

  /** Of the last change in any table. */
  get revision(): number {
    return this.#revision;
  }

  get(table: string, key: string): KubeObject | null {
    return this.#table(table).objects.get(key) ?? null;
  }

  /** @returns the object as stored, with its resourceVersion */
  put(table: string, object: KubeObject): KubeObject {
    const { objects } = this.#table(table);
    const key = keyOfObject(object);
    const previous = objects.get(key) ?? null;
    const stored = this.#stamped(object);
    objects.set(key, stored);
    this.#record(table, { type: previous === null ? "ADDED" : "MODIFIED", object: stored, previous });
    return stored;
  }

  /** @returns the object as it last was, with the revision of its deletion; null: there was none */
  delete(table: string, key: string): KubeObject | null {
    const { objects } = this.#table(table);
    const previous = objects.get(key);
    if (previous === undefined) return null;
    objects.delete(key);
    const deleted = this.#stamped(previous);
    this.#record(table, { type: "DELETED", object: deleted, previous });
    return deleted;
  }

  /** Everything in the table as it was at a revision, in order of namespace and name. @throws Compacted */
  snapshot(table: string, revision = this.#revision): readonly KubeObject[] {
    if (revision < this.#compacted) throw new Compacted(this.#compacted);
    const { objects, events } = this.#table(table);
    const then = new Map(objects);
    for (let i = events.length - 1; i >= 0; i--) {
      const event = events[i];
      if (event === undefined || event.revision <= revision) break;
      const key = keyOfObject(event.object);
      if (event.previous === null) then.delete(key);
      else then.set(key, event.previous);
    }
    return [...then].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, object]) => object);
  }

  /** Every change after a revision. @throws Compacted */
  since(table: string, revision: number): readonly StoreEvent[] {
    if (revision < this.#compacted) throw new Compacted(this.#compacted);
    return this.#table(table).events.filter((event) => event.revision > revision);
  }

  /** @returns how to stop */
  subscribe(table: string, listener: (event: StoreEvent) => void): () => void {
    const { listeners } = this.#table(table);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Forgets what happened before a revision: asking for an older one fails from now on. */
  compact(revision = this.#revision): void {
    this.#compacted = Math.max(this.#compacted, Math.min(revision, this.#revision));
    for (const table of this.#tables.values()) {
      table.events = table.events.filter((event) => event.revision > this.#compacted);
    }
  }

  #stamped(object: KubeObject): KubeObject {
    this.#revision++;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
  }

  #record(name: string, change: Omit<StoreEvent, "revision">): void {
    const table = this.#table(name);
    const event = { ...change, revision: this.#revision };
    table.events.push(event);
    if (table.events.length > 2 * HISTORY) this.compact(table.events[HISTORY]?.revision ?? 0);
    for (const listener of [...table.listeners]) listener(event);
  }

  #table(name: string): Table {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = { objects: new Map(), events: [], listeners: new Set() };
      this.#tables.set(name, table);
    }
    return table;
  }
}
