// What the loop counts about itself, in memory that both threads see: the reader never has to ask (or to wait for) the loop.
// Owns the layout. Knows no sessions: their counters have memory of their own. Contract: one writer; each number is a float
// that is written whole, so a reader sees an old one or a new one, and numbers read together may be a round apart.
import type { Micros } from "./protocol.ts";

/** Upper bounds of the classes of lateness, in microseconds; a last class takes the rest. */
export const LATENESS_BOUNDS: readonly Micros[] = [
  100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
];

const NAMES = [
  /** Times that the loop has looked at its sockets and its clock. */
  "rounds",
  "datagramsIn",
  /** Packets that the kernel did not take: no route, no such device, no room. */
  "sendFailures",
  /** Packets that the kernel kept from us: TTL not 255, or no room. */
  "kernelDrops",
  /** Clock of the loop at its last round, microseconds. */
  "lastRound",
  "latenessSum",
  "latenessMax",
] as const;
export type LoopGauge = (typeof NAMES)[number];

const FIRST_BUCKET = NAMES.length;
const LENGTH = FIRST_BUCKET + LATENESS_BOUNDS.length + 1;
const INDEX = Object.fromEntries(NAMES.map((name, i) => [name, i])) as Readonly<Record<LoopGauge, number>>;

/** How late the loop began what was due, counted by class. */
export interface Lateness {
  /** As `LATENESS_BOUNDS`, one longer; not cumulative. */
  readonly counts: readonly number[];
  readonly sum: Micros;
  readonly max: Micros;
}

export const newGaugeMemory = (): SharedArrayBuffer => new SharedArrayBuffer(LENGTH * Float64Array.BYTES_PER_ELEMENT);

export class LoopGauges {
  readonly #cells: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Float64Array(memory);
  }

  add(name: LoopGauge, by: number): void {
    this.set(name, this.get(name) + by);
  }

  set(name: LoopGauge, value: number): void {
    this.#cells[INDEX[name]] = value;
  }

  get(name: LoopGauge): number {
    return this.#cells[INDEX[name]] ?? 0;
  }

  /** @param late microseconds after the moment that was meant, 0 or more */
  observeLateness(late: Micros): void {
    let bucket = 0;
    while (bucket < LATENESS_BOUNDS.length && late > (LATENESS_BOUNDS[bucket] ?? 0)) bucket++;
    this.#cells[FIRST_BUCKET + bucket] = (this.#cells[FIRST_BUCKET + bucket] ?? 0) + 1;
    this.add("latenessSum", late);
    if (late > this.get("latenessMax")) this.set("latenessMax", late);
  }

  lateness(): Lateness {
    return {
      counts: [...this.#cells.subarray(FIRST_BUCKET)],
      sum: this.get("latenessSum"),
      max: this.get("latenessMax"),
    };
  }
}
