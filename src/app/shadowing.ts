// The daemon as a shadow of a running MetalLB (`--shadow`): decides as it would, and compares with what MetalLB reports. Owns when is
// compared, what is told of it and when. Knows no rule of either side (shadow/compare.ts). Contract: nothing but lists and watches leaves
// this process; a difference is told only once it has stood for SHADOW_GRACE, because MetalLB needs seconds to write what it does.
import type { DecisionEngine } from "../announce/engine.ts";
import type { ConfigKey, DaemonConfig } from "../config/schema.ts";
import type { TimerHandle } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import { ReportedStatuses } from "../kube/reportedStatuses.ts";
import type { WatchSurroundings } from "../kube/resourceWatch.ts";
import type { Logger } from "../observe/log.ts";
import type { ShadowReport } from "../observe/shadowView.ts";
import { type CompareInput, type Comparison, comparing, type ShadowDifference } from "../shadow/compare.ts";
import type { StoreView } from "../sources/store.ts";
import { inSlices } from "./slices.ts";

/** Pause between a change and the comparison that takes it in: the level counts, not every step. */
export const SHADOW_PAUSE = Millis(1_000);
/** How long a difference stands before it is told. */
export const SHADOW_GRACE = Millis(10_000);
/** How long `--shadow-once` waits for the API server. */
export const SHADOW_ONCE_LIMIT = Millis(60_000);

/** Settings that a shadow has its own values of, whatever is given: it listens nowhere, keeps nothing, and has nothing to drain. */
export const SHADOWED = {
  shadow: true,
  listen: [],
  stateDir: null,
  drainTime: Millis(0),
} as const satisfies Partial<Record<ConfigKey, unknown>> & Partial<DaemonConfig>;

export interface ShadowingSurroundings {
  readonly log: Logger;
  readonly nodeName: string;
  /** MetalLB's. */
  readonly namespace: string;
  /** null once there is a decision to compare; else what is missing. */
  readonly notReady: () => string | null;
  readonly engine: DecisionEngine;
  /** What the engine reads. */
  readonly store: StoreView;
  readonly defect: (error: unknown) => void;
}

interface Standing {
  readonly difference: ShadowDifference;
  /** The same as text: equal, if nothing changed. */
  readonly text: string;
  readonly since: Millis;
  isTold: boolean;
}

export class Shadowing {
  readonly #with: ShadowingSurroundings;
  readonly #cluster: WatchSurroundings;
  readonly #statuses: ReportedStatuses;
  readonly #standing = new Map<string, Standing>();
  #comparison: Comparison | null = null;
  #firstAt: Millis | null = null;
  #toldMissing: string | null = null;
  #timer: TimerHandle | null = null;
  #isComparing = false;
  /** Something changed while it was compared. */
  #isStale = false;
  #isStopped = false;
  #waiting: (() => void)[] = [];

  constructor(cluster: WatchSurroundings, surroundings: ShadowingSurroundings) {
    this.#with = surroundings;
    this.#cluster = cluster;
    const { nodeName, namespace } = surroundings;
    this.#statuses = new ReportedStatuses(nodeName, namespace, cluster, () => this.changed());
  }

  start(): void {
    this.#statuses.start();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#statuses.stop();
  }

  /** Either side may have changed. */
  changed(): void {
    this.#look();
  }

  report(): ShadowReport {
    const { nodeName, notReady } = this.#with;
    const missing = notReady() ?? this.#statuses.missing();
    const comparison = missing === null ? this.#comparison : null;
    if (comparison === null) {
      const why = missing ?? "the first comparison is under way";
      return { node: nodeName, verdict: "unknown", why, services: null, differences: [] };
    }
    const verdict = comparison.differences.some((d) => d.verdict === "different") ? "different" : "same";
    return { node: nodeName, verdict, why: null, ...comparison };
  }

  /** The first report that counts: both sides are known, and they agree or have differed for as long as MetalLB may need. */
  once(): Promise<ShadowReport> {
    return new Promise((resolve) => {
      const late = this.#cluster.timers.after(SHADOW_ONCE_LIMIT, () => resolve(this.report()));
      const look = (): void => {
        const report = this.report();
        const waited = this.#firstAt === null ? 0 : this.#cluster.clock.now() - this.#firstAt;
        if (report.verdict === "unknown" || (report.verdict === "different" && waited < SHADOW_GRACE)) {
          this.#waiting.push(look);
          return;
        }
        late.cancel();
        resolve(report);
      };
      look();
    });
  }

  /** One timer: what comes while it runs is taken in by the same comparison. */
  #look(): void {
    this.#isStale = true;
    if (this.#isStopped || this.#isComparing || this.#timer !== null) return;
    this.#timer = this.#cluster.timers.after(SHADOW_PAUSE, () => {
      this.#timer = null;
      this.#compare().catch((error: unknown) => this.#with.defect(error));
    });
  }

  /** null: nothing has been decided. */
  #decided(): Omit<CompareInput, "reported"> | null {
    const { store, engine } = this.#with;
    const { config, decisions, siteView: sites } = engine;
    return config === null
      ? null
      : { store, config, decisions, sites, holds: engine.holdsAt(this.#cluster.clock.now()) };
  }

  async #compare(): Promise<void> {
    const { notReady } = this.#with;
    const { clock } = this.#cluster;
    this.#isStale = false;
    const input = this.#decided();
    const missing = notReady() ?? this.#statuses.missing();
    if (missing === null && input !== null) {
      this.#isComparing = true;
      try {
        const reported = this.#statuses.reported();
        this.#comparison = await inSlices(comparing({ ...input, reported }), clock);
      } finally {
        this.#isComparing = false;
      }
      if (this.#isStopped) return;
      this.#firstAt ??= clock.now();
      this.#tell(this.#comparison);
    }
    this.#tellMissing(missing);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const look of waiting) look();
    // what stands untold, and what nothing tells of: a permission that is missing
    if (this.#isStale || missing !== null || [...this.#standing.values()].some((s) => !s.isTold)) this.#look();
  }

  #tell({ differences }: Comparison): void {
    const { log } = this.#with;
    const now = this.#cluster.clock.now();
    const different = new Map(differences.flatMap((d) => (d.verdict === "different" ? [[d.service, d] as const] : [])));
    for (const [service, { isTold }] of this.#standing) {
      if (different.has(service)) continue;
      this.#standing.delete(service);
      if (isTold) log.info("shadowAgrees", { service }, `${service}: MetalLB reports what vipcast would announce`);
    }
    for (const [service, difference] of different) {
      const text = JSON.stringify(difference);
      const known = this.#standing.get(service);
      const standing = known?.text === text ? known : { difference, text, since: known?.since ?? now, isTold: false };
      this.#standing.set(service, standing);
      if (standing.isTold || now - standing.since < SHADOW_GRACE) continue;
      standing.isTold = true;
      const { here, there, notes } = difference;
      const why = notes.find((n) => n.quirk === null);
      const sides = `would be announced to ${here.join(", ") || "nobody"}, MetalLB reports ${there.join(", ") || "nobody"}`;
      const fields = { service, here, there, hint: why?.hint };
      log.warn("shadowDiffers", fields, `${service} ${sides}: ${why?.peer}: ${why?.text}`);
    }
  }

  #tellMissing(missing: string | null): void {
    if (missing === this.#toldMissing) return;
    this.#toldMissing = missing;
    if (missing !== null) this.#with.log.info("shadowWaits", {}, `nothing can be compared: ${missing}`);
  }
}
