// SHELL: the controller, put together: the Lease, and a term of office for as long as it is held. Owns start and stop order, and what
// observers are told. No rule about addresses, leases or writes lives here. Contract: without the Lease nothing is read or written but the
// Lease; `stop` lets the writes under way end and gives the Lease back, within STOP_LIMIT_MS.
import { say } from "../control/messages.ts";
import type { TimerHandle } from "../kernel/clock.ts";
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import { Millis } from "../kernel/units.ts";
import type { ServerAccess } from "../kube/access.ts";
import { ApiError } from "../kube/apiError.ts";
import { KubeClient } from "../kube/client.ts";
import { PODS } from "../kube/resources.ts";
import { HttpTransport } from "../kube/transport.ts";
import type { Logger } from "../observe/log.ts";
import type { SourceHealth } from "../observe/metric.ts";
import { logProblemChanges, problemsByKey } from "../observe/problemLog.ts";
import type { ResourceView } from "../observe/sourceView.ts";
import type { RawObject } from "../sources/fields.ts";
import { ControllerTerm } from "./controllerTerm.ts";
import { WriteCounts } from "./controllerWrites.ts";
import { STOP_LIMIT_MS } from "./farewell.ts";
import { Leader } from "./leader.ts";
import { realClock, realRandom, realTimers } from "./realTime.ts";

export interface ControllerOptions {
  readonly access: ServerAccess;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly namespace: string;
  readonly lbClass: string;
  /** Wait for the Lease while another one holds it; false: refuse to run beside another one. */
  readonly leaderElect: boolean;
  /** Our own Pod, owner of what we make; null: none. */
  readonly podName: string | null;
  /** Of this process alone. */
  readonly identity: string;
}

/** How long changes of problems are collected: with thousands of Services that wait, each look at all of them counts. */
export const PROBLEMS_INTERVAL = Millis(250);

/** Controllers of different classes do not wait for each other. */
export const leaseName = (lbClass: string): string =>
  lbClass === "" ? "vipcast-controller" : `vipcast-controller-${lbClass.toLowerCase().replace(/[^a-z0-9-]+/g, "-")}`;

export class Controller {
  readonly startedAt = realClock.now();
  readonly counts = new WriteCounts();
  readonly leader: Leader;
  internalErrors = 0;
  readonly #options: ControllerOptions;
  readonly #log: Logger;
  readonly #transport: HttpTransport;
  readonly #refused: () => void;
  readonly #health: { changes: number; errors: number; staleSince: Millis | null; isLoaded: boolean } = {
    changes: 0,
    errors: 0,
    staleSince: null,
    isLoaded: false,
  };
  #owner: readonly RawObject[] = [];
  #term: ControllerTerm | null = null;
  #ownProblems: readonly ConfigProblem[] = [];
  #leaseProblem: ConfigProblem | null = null;
  #hasLooked = false;
  #isStopped = false;
  #tellTimer: TimerHandle | null = null;
  #toldHolder: string | null = null;
  #toldProblems: ReadonlyMap<string, ConfigProblem> = new Map();

  /** @param refused another controller holds the Lease, and we are not to wait for it */
  constructor(options: ControllerOptions, log: Logger, refused: () => void) {
    this.#options = options;
    this.#log = log;
    this.#refused = refused;
    this.#transport = this.#openTransport();
    this.leader = new Leader(options.identity, leaseName(options.lbClass), options.namespace, {
      transport: this.#transport,
      clock: realClock,
      timers: realTimers,
      random: realRandom,
      elected: () => this.#elected(),
      lost: () => this.#lost(),
      looked: (failure) => this.#looked(failure),
    });
  }

  async start(): Promise<void> {
    await this.#findOwner();
    if (!this.#isStopped) this.leader.start();
  }

  reload(): void {
    this.#log.info("reload", {}, "reading everything again");
    this.#term?.rescan();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const farewell = (async () => {
      await this.#term?.finish();
      await this.leader.stop();
    })();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_LIMIT_MS);
    });
    await Promise.race([farewell, limit]);
    clearTimeout(timer);
    this.#tellTimer?.cancel();
    this.#term?.abandon();
    this.#transport.close();
  }

  /** null: it allocates, or waits for its turn; else what is missing. */
  notReady(): string | null {
    if (this.#term !== null) return this.#term.notReady();
    return this.#hasLooked ? null : "the Lease has not been asked for yet";
  }

  problems(): readonly ConfigProblem[] {
    const lease = this.#leaseProblem === null ? [] : [this.#leaseProblem];
    return [...this.#ownProblems, ...lease, ...(this.#term?.problems() ?? [])];
  }

  counters(): ReturnType<ControllerTerm["counters"]> {
    return this.#term?.counters() ?? [];
  }

  resources(): readonly ResourceView[] {
    return this.#term?.resources().map(({ resource, view }) => ({ resource, ...view })) ?? [];
  }

  get eventsDropped(): number {
    return this.counts.eventsDropped;
  }

  /** Services that are decided and not yet written. */
  get backlog(): number {
    return this.#term?.backlog ?? 0;
  }

  sourceHealth(): SourceHealth {
    const { changes: updates, errors: updateErrors, staleSince, isLoaded } = this.#health;
    return { updates, updateErrors, isLoaded, staleSince };
  }

  /** A defect of our own. */
  defect(error: unknown): void {
    this.internalErrors++;
    this.#log.error("internalError", { error }, "a defect of vipcast; please report it");
  }

  #openTransport(): HttpTransport {
    const { access, env } = this.#options;
    return new HttpTransport(access, { env, clock: realClock }, `vipcast-controller/${VIPCAST_VERSION}`);
  }

  #elected(): void {
    const { namespace, lbClass } = this.#options;
    this.#log.info("leaderElected", { name: this.leader.election.identity }, "this controller gives the addresses");
    const term = new ControllerTerm({
      transport: this.#openTransport(),
      clock: realClock,
      timers: realTimers,
      random: realRandom,
      log: this.#log,
      home: namespace,
      lbClass,
      owner: this.#owner,
      counts: this.counts,
      isLeader: () => this.leader.mayWrite(),
      changed: () => {
        this.#health.changes++;
      },
      problemsChanged: () => this.#tellSoon(),
    });
    this.#term = term;
    term.start();
  }

  #lost(): void {
    this.#log.warn(
      "leaderLost",
      {},
      "the Lease could not be renewed in time; nothing is written until it is held again",
    );
    this.#term?.abandon();
    this.#term = null;
    this.#tellProblems();
  }

  #looked(failure: ApiError | null): void {
    const { namespace, lbClass, leaderElect } = this.#options;
    const ref = { kind: "Lease", namespace, name: leaseName(lbClass) };
    this.#leaseProblem = failure === null ? null : problemOf(ref, "", say("noLease", { why: failure.message }));
    if (failure === null) this.#hasLooked = true;
    this.#tellProblems();
    const { holder, identity, hasRival } = this.leader.election;
    const isOthers = holder !== null && holder !== identity;
    if (isOthers && hasRival && !leaderElect) {
      this.#log.error(
        "leaderRefused",
        { name: holder },
        `${holder} holds the Lease ${namespace}/${ref.name} and renews it`,
      );
      this.#refused();
    } else if (isOthers && holder !== this.#toldHolder) {
      this.#log.info("leaderWaiting", { name: holder }, "another controller gives the addresses; waiting for its end");
    }
    this.#toldHolder = isOthers ? holder : null;
  }

  /** Our Pod, so that what we make goes with it. */
  async #findOwner(): Promise<void> {
    const { podName, namespace } = this.#options;
    if (podName === null) return;
    const client = new KubeClient(this.#transport, realTimers);
    try {
      const { metadata } = await client.get(PODS, { namespace, name: podName });
      const uid = typeof metadata === "object" && metadata !== null && "uid" in metadata ? String(metadata.uid) : "";
      this.#owner = [{ apiVersion: "v1", kind: PODS.kind, name: podName, uid }];
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const ref = { kind: PODS.kind, namespace, name: podName };
      this.#ownProblems = [problemOf(ref, "", say("noOwner", { why: error.message }), "warning")];
      this.#tellProblems();
    }
  }

  #tellSoon(): void {
    this.#tellTimer ??= realTimers.after(PROBLEMS_INTERVAL, () => {
      this.#tellTimer = null;
      this.#tellProblems();
    });
  }

  #tellProblems(): void {
    this.#health.isLoaded ||= this.#term?.notReady() === null;
    const now = problemsByKey(this.problems());
    const isWrong = [...now.values()].some((p) => p.severity === "error");
    if ([...now.keys()].some((key) => !this.#toldProblems.has(key))) this.#health.errors++;
    this.#health.staleSince = isWrong ? (this.#health.staleSince ?? realClock.now()) : null;
    logProblemChanges(this.#log, this.#toldProblems, now);
    this.#toldProblems = now;
  }
}
