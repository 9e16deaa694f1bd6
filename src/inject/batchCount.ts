// How many prefixes are injected after each change of a batch that has not been carried out. Owns what the batch makes of the prefixes it
// names. Must not know routes, limits or what a fault is. Contract: the table is read and never changed; `size` is what the table's would
// be had the changes that were taken been carried out, in their order.
import { formatPrefix, type Prefix } from "../kernel/ip.ts";
import type { PeerName } from "../kernel/units.ts";
import type { Change } from "./command.ts";
import type { InjectTable } from "./table.ts";

/** Whom routes of a prefix are for; null among them: all peers. Empty: the prefix is not injected. */
type Holders = ReadonlySet<PeerName | null>;
const NOBODY: Holders = new Set();

export class BatchCount {
  readonly #table: Pick<InjectTable, "size" | "planOf">;
  /** Prefixes that the batch names, since its last flush. */
  readonly #named = new Map<string, Holders>();
  #isFlushed = false;
  #size: number;

  constructor(table: Pick<InjectTable, "size" | "planOf">) {
    this.#table = table;
    this.#size = table.size;
  }

  get size(): number {
    return this.#size;
  }

  take(change: Change): void {
    switch (change.type) {
      case "add": {
        const added = change.spec.peers ?? [null];
        this.#set(change.prefix, new Set([...this.#holders(change.prefix), ...added]));
        return;
      }
      case "del": {
        const { prefix, peers } = change;
        const kept = peers === null ? [] : [...this.#holders(prefix)].filter((h) => h === null || !peers.includes(h));
        this.#set(prefix, new Set(kept));
        return;
      }
      case "flush":
        this.#named.clear();
        this.#isFlushed = true;
        this.#size = 0;
    }
  }

  #holders(prefix: Prefix): Holders {
    const named = this.#named.get(formatPrefix(prefix));
    if (named !== undefined) return named;
    const plan = this.#isFlushed ? null : this.#table.planOf(prefix);
    if (plan === null) return NOBODY;
    return new Set(plan.all === null ? plan.peers.keys() : [null, ...plan.peers.keys()]);
  }

  #set(prefix: Prefix, holders: Holders): void {
    this.#size += Number(holders.size > 0) - Number(this.#holders(prefix).size > 0);
    this.#named.set(formatPrefix(prefix), holders);
  }
}
