// What a scenario of the drill is, how any of them is performed, and what is measured of one performance. Owns the order of the acts and
// the definition of every figure. Knows nothing of particular scenarios. Contract: times are milliseconds after the event;
// null: it did not happen; a performance leaves nothing behind, however it ends.
import { setTimeout as sleep } from "node:timers/promises";
import type { RouterName } from "../lab/topologies/twoSites.ts";
import { wallNow } from "./programs.ts";
import type { SpeakerKind } from "./speakers.ts";
import { openStage, type Stage, type StageOptions } from "./stage.ts";
import type { Tables } from "./timeline.ts";

export interface Scenario {
  readonly name: string;
  /** One line for the list. */
  readonly summary: string;
  /** Who can take part. */
  readonly speakers: readonly SpeakerKind[];
  /** Promised for vipcast; what the run is judged by. */
  readonly aim?: Aim;
  /** The routers, and what the speakers start with. */
  readonly stage: Omit<StageOptions, "speaker">;
  /** What happens first, and is not counted. */
  readonly before?: Act;
  /** Begins to look at something just before the event. @returns ends that when all is counted, and gives its figures */
  readonly watch?: (stage: Stage) => Promise<(counted: Performance) => Promise<Figures>>;
  /** What it costs is counted from here; resolves with its last deed. */
  readonly event: Act;
  readonly measure?: Measure;
  /** How the story goes on when all is counted. */
  readonly afterwards?: Act;
  /** What must be so in the end. */
  readonly holds?: Checks;
}

/** Sentences, and whether a performance shows them to be true. */
export type Checks = Readonly<Record<string, (performance: Performance) => boolean>>;

/** A part of a story. @param note takes figures of the scenario's own */
export type Act = (stage: Stage, note: (figures: Figures) => void) => Promise<void> | void;

/** Of a scenario's own, by name: milliseconds, or a count. */
export type Figures = Readonly<Record<string, number>>;

export interface Aim {
  /** Requests. */
  readonly lost?: number;
  /** Longest stretch without an answer, milliseconds. */
  readonly outage?: number;
  /** Milliseconds from the event until the route is back. */
  readonly back?: number;
  /** In words, why the bound is what it is. */
  readonly why: string;
}

export interface Performance {
  /** Requests that began between the event and the end of the scenario. */
  readonly requests: number;
  readonly lost: number;
  /** From the first lost request to the first answered one after the last lost one; 0: no loss. */
  readonly outageMs: number;
  /** The first router that noticed a neighbour's end. */
  readonly detectMs: number | null;
  /** The router whose route was to change has changed it. */
  readonly withdrawMs: number | null;
  /** The last change of any router's route. */
  readonly convergeMs: number | null;
  /** The first answered request after the last lost one; 0: no loss. */
  readonly servedMs: number;
  /** Workers that answered after the event, with their number of answers. */
  readonly answers: Readonly<Record<string, number>>;
  readonly before: Tables;
  readonly after: Tables;
  /** What a check of the scenario found wrong; empty: all as told. */
  readonly failures: readonly string[];
  /** How long the event took, what was lost by a reset, and figures of the scenario's own. */
  readonly extra: Figures;
}

export interface Measure {
  /** Router whose change counts as the withdrawal; its name, and what its route looks like then. */
  readonly withdrawn?: { readonly router: RouterName; readonly accept: (route: string) => boolean };
  /** Milliseconds after the event until the books are closed, at least. */
  readonly settleMs?: number;
  /** Milliseconds without loss that end the scenario. */
  readonly calmMs?: number;
}

/** Performs a scenario with such speakers. @throws Error when the stage cannot be built, or an act of the story fails */
export async function perform(scenario: Scenario, speaker: SpeakerKind): Promise<Performance> {
  const stage = await openStage({ ...scenario.stage, speaker });
  let figures: Figures = {};
  const note = (more: Figures): void => {
    figures = { ...figures, ...more };
  };
  try {
    await scenario.before?.(stage, note);
    const seen = await scenario.watch?.(stage);
    const counted = await measure(stage, () => scenario.event(stage, note), scenario.measure);
    if (seen !== undefined) note(await seen(counted));
    await scenario.afterwards?.(stage, note);
    const performance = { ...counted, extra: { ...counted.extra, ...figures } };
    const broken = Object.entries(scenario.holds ?? {}).filter(([, isSo]) => !isSo(performance));
    return { ...performance, failures: [...performance.failures, ...broken.map(([what]) => `not so: ${what}`)] };
  } finally {
    await stage.close();
  }
}

/** Performs `event`, waits until all is calm again, and counts. @param event resolves when it is done with its last act */
async function measure(stage: Stage, event: () => Promise<void> | void, how: Measure = {}): Promise<Performance> {
  const before = stage.tables();
  const from = wallNow();
  await event();
  const eventDone = wallNow();
  await sleep(Math.max(0, (how.settleMs ?? 3_000) - (wallNow() - from)));
  const failures: string[] = [];
  try {
    await stage.served(how.calmMs ?? 2_000, 90_000);
  } catch {
    failures.push("the client is not served any more");
  }
  const to = wallNow();
  await stage.drainProbes();
  const probes = stage.probes(from, to);
  const lost = probes.filter((p) => p.by === null);
  const { withdrawn } = how;
  const gone = withdrawn === undefined ? null : stage.timeline.first(withdrawn.router, from, withdrawn.accept);
  const last = stage.timeline.changes.findLast((c) => c.at >= from) ?? null;
  const detected = stage.timeline.detected(from);
  const lastLost = lost.at(-1);
  const servedAgain = lastLost === undefined ? null : probes.find((p) => p.at > lastLost.at && p.by !== null);
  const answers: Record<string, number> = {};
  for (const { by } of probes) if (by !== null) answers[by] = (answers[by] ?? 0) + 1;
  return {
    requests: probes.length,
    lost: lost.length,
    outageMs: lastLost === undefined ? 0 : (servedAgain?.at ?? to) - (lost[0]?.at ?? to),
    detectMs: detected === null ? null : detected - from,
    withdrawMs: gone === null ? null : gone.at - from,
    convergeMs: last === null ? null : last.at - from,
    servedMs: servedAgain == null ? 0 : servedAgain.at - from,
    answers,
    before,
    after: stage.tables(),
    failures,
    extra: {
      eventMs: eventDone - from,
      ...(lost.length === 0 ? {} : { lostByReset: lost.filter((p) => p.isReset).length }),
    },
  };
}
