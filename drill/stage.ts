// One performance of the drill: two sites with speakers and web servers on their workers and a client that asks without pause.
// Owns start and end of all of it, and what is counted. Knows nothing of what will happen.
// Contract: `begin` resolves when the client has been served without loss for a while, so that no loss of the set-up is counted
// against a scenario; close() leaves nothing behind.

import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LabProcess } from "../lab/process.ts";
import {
  type TwoSites,
  type TwoSitesOptions,
  twoSites,
  VIP,
  type Worker,
  type WorkerName,
} from "../lab/topologies/twoSites.ts";
import { packageRoot } from "../lab/vipcast.ts";
import { waitFor } from "../lab/waitFor.ts";
import { PROBE_EVERY, PROBE_LIMIT, wallNow } from "./programs.ts";
import { type SpeakerKind, type SpeakerSetup, speakerOn, type WorkerSpeaker } from "./speakers.ts";
import { type Tables, Timeline } from "./timeline.ts";

export const WORKER_NAMES = ["p221", "p222", "r221", "r222"] as const;

/** One request of the client. */
export interface Probe {
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly ms: number;
  /** Worker that answered; null: lost. */
  readonly by: string | null;
  /** Lost because its connection was reset: its packets came to another worker in the middle of it. */
  readonly isReset: boolean;
}

export interface StageOptions extends TwoSitesOptions {
  readonly speaker: SpeakerKind;
  readonly setup: (worker: WorkerName) => SpeakerSetup;
  /** Started between the routers and the speakers, e.g. a witness. */
  readonly prepare?: (sites: TwoSites) => unknown;
  /** Workers that run a speaker; default: all. */
  readonly speakersOn?: readonly WorkerName[];
}

export class Stage {
  readonly sites: TwoSites;
  readonly timeline: Timeline;
  readonly speakers: ReadonlyMap<WorkerName, WorkerSpeaker>;
  readonly #probe: LabProcess;
  readonly #webs: Map<WorkerName, LabProcess>;

  constructor(
    sites: TwoSites,
    speakers: ReadonlyMap<WorkerName, WorkerSpeaker>,
    webs: Map<WorkerName, LabProcess>,
    probe: LabProcess,
  ) {
    this.sites = sites;
    this.speakers = speakers;
    this.timeline = new Timeline(sites);
    this.#webs = webs;
    this.#probe = probe;
  }

  /** @throws Error when that worker runs none */
  speaker(name: WorkerName): WorkerSpeaker {
    const found = this.speakers.get(name);
    if (found === undefined) throw new Error(`no speaker on ${name}`);
    return found;
  }

  /** All requests that began in this span and have ended. @param to default: now, less the time a request may take */
  probes(from: number, to = wallNow()): readonly Probe[] {
    return this.#probe
      .output()
      .split("\n")
      .flatMap((line) => {
        const [at, ms, by] = line.split(" ");
        if (at === undefined || ms === undefined || by === undefined || by === "") return [];
        const isReset = by === "-ECONNRESET";
        return [{ at: Number(at), ms: Number(ms), by: by.startsWith("-") ? null : by, isReset }];
      })
      .filter((p) => p.at >= from && p.at <= to)
      .sort((a, b) => a.at - b.at);
  }

  /** Resolves when the client has been served without loss for so long. @throws WaitError */
  async served(forMs = 1_000, timeoutMs = 60_000): Promise<void> {
    const since = wallNow();
    await waitFor(
      "the client to be served without loss",
      () => this.probes(Math.max(since, wallNow() - forMs - PROBE_LIMIT)),
      (probes) => {
        const lastLoss = probes.findLast((p) => p.by === null)?.at ?? since;
        const last = probes.at(-1)?.at ?? 0;
        return last - lastLoss >= forMs && probes.some((p) => p.by !== null);
      },
      { timeoutMs, everyMs: 50, logs: [...this.speakers].map(([name, s]) => ({ name, logTail: (n) => s.logTail(n) })) },
    );
  }

  /** Waits until every request that began by now has ended, one way or the other. */
  async drainProbes(): Promise<void> {
    await sleep(PROBE_LIMIT + 2 * PROBE_EVERY);
  }

  tables(): Tables {
    return this.timeline.now();
  }

  /** A worker loses power: its programs are gone without a word, and its cable is dead. */
  async powerOff(name: WorkerName): Promise<void> {
    const { site } = this.sites.workers[name];
    this.sites.cut(name, site); // first, or the kernel would close its connections politely
    this.#webs.get(name)?.signal("SIGKILL");
    await this.speakers.get(name)?.kill();
  }

  /** Power is back: the cable, then the web server, then the speaker, from what its disk holds. */
  async powerOn(name: WorkerName): Promise<void> {
    const worker = this.sites.workers[name];
    this.sites.mend(name, worker.site);
    this.#webs.set(name, startWeb(worker));
    await this.speakers.get(name)?.start();
  }

  async close(): Promise<void> {
    this.timeline.stop();
    await this.sites.lab.close();
  }
}

const SCRIPT = join(packageRoot(), "dist", "drill.js");

const startWeb = ({ host, name }: Worker): LabProcess =>
  host.spawn(process.execPath, [SCRIPT, "@web", name], { name: "web" });

/** Builds it all and waits until the client is served. @throws Error when it never is */
export async function openStage(options: StageOptions): Promise<Stage> {
  const sites = await twoSites(options);
  try {
    options.prepare?.(sites);
    const webs = new Map<WorkerName, LabProcess>();
    const speakers = new Map<WorkerName, WorkerSpeaker>();
    for (const name of WORKER_NAMES) {
      const worker = sites.workers[name];
      webs.set(name, startWeb(worker));
      if (options.speakersOn?.includes(name) === false) continue;
      speakers.set(name, speakerOn(options.speaker, worker, options.setup(name)));
    }
    await Promise.all([...speakers.values()].map((s) => s.start()));
    const probe = sites.client.spawn(process.execPath, [SCRIPT, "@probe", VIP], { name: "probe" });
    const stage = new Stage(sites, speakers, webs, probe);
    await stage.served(2_000, 60_000);
    return stage;
  } catch (error) {
    await sites.lab.close();
    throw error;
  }
}
