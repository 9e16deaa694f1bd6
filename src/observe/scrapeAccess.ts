// SHELL (hashes). Who may have the metrics: bearer tokens against a review that somebody else makes, remembered for a short while. Owns
// the memory and its limits. Knows no HTTP and no API server. Contract: a token is kept as its hash alone; what strangers send costs
// a bounded number of reviews and entries, and never drives out the memory of a token that is good; while no review can be made,
// a token that was good lately still is, and any other is told to come again.
import { createHash } from "node:crypto";
import type { Clock, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";

export type Verdict =
  | { readonly type: "allowed" }
  | { readonly type: "unauthenticated" }
  | { readonly type: "forbidden"; readonly user: string };

export type Admission = Verdict | { readonly type: "unavailable" };

export const ACCESS_LIMITS = {
  /** How long a good token is not asked about again. */
  allowedFor: Millis(60_000),
  /** The same of one that is not: short, for a permission may come any time. */
  refusedFor: Millis(10_000),
  /** How long after its last review a good token counts while no review can be made. */
  allowedWithoutReview: Millis(300_000),
  /** A review that takes longer counts as none; scrapers wait 10 s. */
  review: Millis(5_000),
  /** Reviews under way. */
  reviews: 8,
  /** Tokens remembered, good ones and others. */
  tokens: 128,
} as const;

export interface ScrapeAccessSurroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  /** May reject: then nothing is known. */
  readonly review: (token: string) => Promise<Verdict>;
  /** Told what kept a review from being made. */
  readonly failed: (error: unknown) => void;
}

interface Remembered {
  readonly verdict: Verdict;
  readonly at: Millis;
}

export class ScrapeAccess {
  readonly #with: ScrapeAccessSurroundings;
  readonly #allowed = new Map<string, Remembered>();
  readonly #refused = new Map<string, Remembered>();
  readonly #running = new Map<string, Promise<Verdict | null>>();

  constructor(surroundings: ScrapeAccessSurroundings) {
    this.#with = surroundings;
  }

  /** @param authorization the header; empty: none */
  async admit(authorization: string): Promise<Admission> {
    const token = /^Bearer +([^\s]+)$/i.exec(authorization)?.[1];
    if (token === undefined) return { type: "unauthenticated" };
    const key = createHash("sha256").update(token).digest("base64");
    const { allowedFor, refusedFor, allowedWithoutReview } = ACCESS_LIMITS;
    const known = this.#recall(this.#allowed, key, allowedFor) ?? this.#recall(this.#refused, key, refusedFor);
    if (known !== null) return known;
    const found = await this.#reviewed(key, token);
    return found ?? this.#recall(this.#allowed, key, allowedWithoutReview) ?? { type: "unavailable" };
  }

  #recall(memory: ReadonlyMap<string, Remembered>, key: string, limit: Millis): Verdict | null {
    const entry = memory.get(key);
    return entry !== undefined && this.#with.clock.now() - entry.at < limit ? entry.verdict : null;
  }

  /** null: no review could be made. Whoever asks about the same token meanwhile gets the same answer. */
  #reviewed(key: string, token: string): Promise<Verdict | null> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    if (this.#running.size >= ACCESS_LIMITS.reviews) return Promise.resolve(null);
    const review = this.#review(key, token).finally(() => this.#running.delete(key));
    this.#running.set(key, review);
    return review;
  }

  async #review(key: string, token: string): Promise<Verdict | null> {
    const { timers, review, failed, clock } = this.#with;
    try {
      const verdict = await new Promise<Verdict>((resolve, reject) => {
        const late = timers.after(ACCESS_LIMITS.review, () =>
          reject(new Error(`no answer within ${ACCESS_LIMITS.review / 1000} s`)),
        );
        review(token)
          .then(resolve, reject)
          .finally(() => late.cancel());
      });
      const [memory, other] =
        verdict.type === "allowed" ? [this.#allowed, this.#refused] : [this.#refused, this.#allowed];
      other.delete(key);
      memory.delete(key); // so that it becomes the youngest
      memory.set(key, { verdict, at: clock.now() });
      for (const oldest of memory.keys()) if (memory.size > ACCESS_LIMITS.tokens) memory.delete(oldest);
      return verdict;
    } catch (error) {
      failed(error);
      return null;
    }
  }
}
