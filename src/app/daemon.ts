// The speaker daemon, put together. Owns what is built of what, and the order of start and stop; no rule about routes, files or messages
// lives here. A route's way through the parts:
//   #source -> store (-> allocating) -> engine, or witnessing -> #handover -> injecting -> speaker -> #network
// with reconciler giving the turns, draining and siting having a say in the decision, and history, problems, reports (the log) and
// reporting (the cluster) telling of it. Contract: parts reach each other through what they are given here, and only once all are made.
import type { PlannedPeer } from "../announce/compiled.ts";
import { DecisionEngine } from "../announce/engine.ts";
import { Speaker } from "../bgp/speaker.ts";
import { TcpNetwork } from "../bgp/transport.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { invariant } from "../kernel/result.ts";
import type { Millis } from "../kernel/units.ts";
import type { Logger } from "../observe/log.ts";
import type { SourceHealth } from "../observe/metric.ts";
import { ServiceHistory } from "../observe/serviceHistory.ts";
import type { SourceView } from "../observe/sourceView.ts";
import { ObjectStore, type StoreView } from "../sources/store.ts";
import { Allocating, mayHideServices } from "./allocating.ts";
import { ClaimFeed, following } from "./claimFeed.ts";
import type { DaemonOptions } from "./daemonOptions.ts";
import { DrainFile } from "./drainFile.ts";
import { Draining, peerFact } from "./draining.ts";
import { leave, type StopOutcome } from "./farewell.ts";
import { Handover } from "./handover.ts";
import { noteArrival, noteWritten } from "./historyNotes.ts";
import { Injecting } from "./injecting.ts";
import { PathWatch } from "./pathWatch.ts";
import { PeerAccess } from "./peerAccess.ts";
import { type NotificationCounts, PeerReports } from "./peerReports.ts";
import { ProblemBook } from "./problemBook.ts";
import { realClock, realRandom, realTimers } from "./realTime.ts";
import { type ReconcileObserver, Reconciler, type ReconcileTarget } from "./reconcile.ts";
import { Reporting } from "./reporting.ts";
import { openMarker, type RestartMarker } from "./restartMarker.ts";
import { Shadowing } from "./shadowing.ts";
import { Siting } from "./siting.ts";
import { inSlices } from "./slices.ts";
import { type OpenSource, openSource } from "./source.ts";
import { Witnessing, withoutServices } from "./witnessing.ts";

/** Who counts what happens. */
export type DaemonObserver = ReconcileObserver & NotificationCounts;

const earliest = (a: Millis | null, b: Millis | null): Millis | null => (a === null || (b !== null && b < a) ? b : a);

export class Daemon {
  readonly options: DaemonOptions;
  readonly store = new ObjectStore();
  readonly speaker: Speaker;
  readonly engine: DecisionEngine;
  readonly reconciler: Reconciler;
  readonly reports: PeerReports;
  readonly problems: ProblemBook;
  readonly access: PeerAccess;
  readonly paths: PathWatch;
  readonly injecting: Injecting;
  /** Received routes, for who asks for the claims in them. */
  readonly feed: ClaimFeed;
  readonly draining: Draining;
  /** null: nothing outlives the daemon. */
  readonly drainFile: DrainFile | null;
  readonly siting: Siting;
  /** null: we announce Services. */
  readonly witnessing: Witnessing | null;
  /** null: we announce, and are no shadow of somebody who does. */
  readonly shadowing: Shadowing | null;
  readonly history = new ServiceHistory();
  /** null: addresses are taken as the objects have them. */
  readonly allocating: Allocating | null;
  /** null: there is no cluster to report to. */
  readonly reporting: Reporting | null;
  readonly startedAt = realClock.now();
  readonly #log: Logger;
  readonly #network = new TcpNetwork();
  readonly #marker: RestartMarker | null;
  readonly #handover: Handover;
  readonly #source: OpenSource;
  /** Changes taken over from the source. */
  #updates = 0;

  constructor(options: DaemonOptions, log: Logger, observer: DaemonObserver) {
    const { nodeName, namespace, stateDir, lbClass, ignoreExcludeLb, routerId } = options;
    const wake = (): void => this.reconciler.changed([]);
    const problemsChanged = (): void => this.problems.tell();
    this.options = options;
    this.#log = log;
    this.reports = new PeerReports(log, realClock, {
      notification: (...seen) => observer.notification(...seen),
      drained: () => noteWritten(this.history, this.speaker.peers(), realClock.now()),
      changed: () => this.reporting?.reporter.peersChanged(),
    });
    this.problems = new ProblemBook({
      clock: realClock,
      running: () => this.#running(),
      locate: (problem) => this.locate(problem),
      told: (before, after) => {
        this.reports.problems(before, after);
        this.reporting?.reporter.problemsChanged();
        this.reporting?.reporter.peersChanged(); // what keeps a peer from running is told with it
      },
    });
    this.#marker = stateDir === null ? null : openMarker(stateDir, log, problemsChanged);
    this.siting = new Siting(nodeName, {
      clock: realClock,
      timers: realTimers,
      log,
      stateDir,
      wake,
      claimAsnsChanged: () => this.feed.retell(),
      problemsChanged,
    });
    this.witnessing = options.witness
      ? new Witnessing({
          clock: realClock,
          setRoute: (...route) => this.injecting.decidedChanged(...route),
          holdEndOfRib: (peer, isHeld) => this.speaker.peer(peer)?.holdEndOfRib(isHeld),
          hearAgain: () => this.feed.retell(),
          wake,
          problemsChanged,
        })
      : null;
    this.feed = new ClaimFeed({
      follower: this.witnessing ?? following(this.siting.claims),
      peers: () => this.speaker.peers(),
      inTurns: (work) => inSlices(work, realClock),
    });
    this.speaker = new Speaker({
      watcher: this.feed,
      clock: realClock,
      timers: realTimers,
      random: realRandom,
      network: this.#network,
      observer: this.reports,
      ...(this.#marker === null ? {} : { restart: this.#marker.facts }),
    });
    this.access = new PeerAccess({
      speaker: this.speaker,
      network: this.#network,
      log,
      problemsChanged,
      neighborsChanged: () => this.paths.sync(),
    });
    this.paths = new PathWatch({
      speaker: this.speaker,
      log,
      problemsChanged,
      verdictChanged: () => this.reporting?.reporter.peersChanged(),
    });
    invariant(!options.allocate || stateDir !== null, "allocate needs a state directory");
    this.allocating =
      options.allocate && stateDir !== null
        ? new Allocating(this.store, lbClass, {
            stateDir,
            clock: realClock,
            timers: realTimers,
            log,
            isSourceClean: () => !mayHideServices(this.problems.source),
            wake,
            problemsChanged,
          })
        : null;
    this.#handover = new Handover(this, log);
    this.engine = new DecisionEngine(
      this.view,
      { nodeName, lbClass, ignoreExcludeLb, routerId },
      this.#handover,
      this.#marker?.facts.isRestart,
      this.siting.sites,
    );
    this.injecting = new Injecting({
      stateDir,
      timers: realTimers,
      log,
      decided: (peer, prefix) => (this.witnessing ?? this.engine).routeAt(peer, prefix),
      setRoute: (peer, prefix, attributes) => this.speaker.setRoute(peer, prefix, attributes),
      flush: (settled) => this.speaker.flush(settled),
      problemsChanged,
    });
    this.reconciler = new Reconciler(
      this.#target(),
      (settled) => this.injecting.decided(settled),
      {
        clock: realClock,
        timers: realTimers,
        deadline: () => earliest(this.engine.deadline(), this.witnessing?.deadline() ?? null),
      },
      {
        turn: (duration) => observer.turn(duration),
        settled: (report) => {
          observer.settled(report);
          this.#handover.settled(report);
        },
      },
    );
    this.drainFile = stateDir === null ? null : new DrainFile(stateDir, log);
    this.draining = new Draining({
      clock: realClock,
      timers: realTimers,
      log,
      nodeName,
      delay: options.drainTime,
      onCordon: options.drainOnCordon,
      onTaint: options.drainOnTaint,
      isAnnouncing: () => this.engine.config !== null,
      setLevel: (level, why) => {
        this.engine.setLevel(level, why, realClock.now());
        this.injecting.setLevel(level);
        wake();
      },
      isDecided: () => this.reconciler.since === null && this.injecting.injections.isReplayed,
      facts: () => [...this.speaker.peers()].map((runner) => peerFact(runner, realClock.now())),
    });
    this.#source = openSource(options.source, this.store, namespace, {
      changed: (changes) => {
        this.#updates++;
        noteArrival(this.history, changes, realClock.now());
        this.draining.follow(changes);
        this.reconciler.changed(changes);
      },
      problemsChanged: (problems) => {
        this.problems.sourceFound(problems);
        this.allocating?.sourceChanged();
      },
      listed: () => this.reconciler.listed(),
    });
    const { cluster } = this.#source;
    const isShadow = options.shadow && cluster !== null;
    this.shadowing = isShadow
      ? new Shadowing(cluster, {
          log,
          nodeName,
          namespace,
          store: this.view,
          engine: this.engine,
          notReady: () => this.notReady(),
          defect: (error) => this.defect(error),
        })
      : null;
    const home = { node: nodeName, home: namespace, podName: options.podName };
    this.reporting = cluster === null || isShadow ? null : new Reporting(home, cluster, this);
  }

  /** Peers of this node with what keeps some of them from running. */
  get planned(): readonly PlannedPeer[] {
    return this.#handover.planned;
  }

  /** What the parts find wrong while they run. */
  #running(): readonly ConfigProblem[] {
    const { namespace } = this.options;
    const roles = [
      this.#marker?.problems(),
      this.allocating?.problems(),
      this.witnessing?.problems(),
      this.reporting?.reporter.problems(),
    ];
    return [
      ...this.access.configProblems(namespace),
      ...this.paths.problems(namespace),
      ...this.injecting.problems(),
      ...this.siting.problems(),
      ...roles.flatMap((of) => of ?? []),
    ];
  }

  /** What the decision reads: the store, with the addresses that are given here where they are. */
  get view(): StoreView {
    if (this.witnessing !== null) return withoutServices(this.store);
    return this.allocating?.view ?? this.store;
  }

  /** A defect of our own that no peer's handling caught. */
  defect(error: unknown): void {
    this.reports.internalErrors++;
    this.#log.error("internalError", { error }, "a defect of vipcast; please report it");
  }

  /** null once the source has been read and the first decision has been handed to the peers; else what is missing. */
  notReady(): string | null {
    if (this.reconciler.isSettled) return null;
    return this.#source.source.waitingFor() ?? "the source has not been read and decided yet";
  }

  sourceView(): SourceView {
    return this.#source.view();
  }

  sourceHealth(): SourceHealth {
    const { arrivals: updateErrors, staleSince } = this.problems;
    return { updates: this.#updates, updateErrors, isLoaded: this.reconciler.isSettled, staleSince };
  }

  /** Settles when the listening sockets are there and the source has been read once. @throws Error when one cannot be */
  async start(): Promise<void> {
    await this.access.start(this.options.listen);
    await this.#marker?.start();
    await this.injecting.start();
    if (this.drainFile?.isThere === true) this.draining.wish("command");
    await this.allocating?.start();
    await this.#source.source.start();
    this.reporting?.reporter.start();
    this.shadowing?.start();
  }

  /** Reads everything again. */
  reload(): void {
    this.#log.info("reload", {}, "reading everything again");
    void this.#source.source.rescan();
  }

  /** Says goodbye to every peer, within STOP_LIMIT_MS beyond the drain. */
  stop(): Promise<StopOutcome> {
    const { stopKeepsRoutes, shutdownText } = this.options;
    return leave({
      log: this.#log,
      speaker: this.speaker,
      network: this.#network,
      draining: this.draining,
      paths: this.paths,
      marker: this.#marker,
      keepsRoutes: stopKeepsRoutes,
      withdraws: this.witnessing === null,
      text: shutdownText,
      holdReports: (isHeld) => this.reporting?.reporter.hold(isHeld),
      halt: () => this.#halt(),
    });
  }

  /** Nothing is decided or handed on any more. @returns settles when the disk has what it should have, or cannot get it */
  #halt(): Promise<unknown> {
    this.draining.end();
    this.reporting?.reporter.stop();
    this.shadowing?.stop();
    this.#source.source.stop();
    this.reconciler.stop();
    this.allocating?.stop();
    this.access.stop();
    return Promise.all([this.injecting.stop(), this.siting.stop()]);
  }

  /** store (-> allocate) -> decide, or (-> witness) */
  #target(): ReconcileTarget {
    const decision: ReconcileTarget = {
      apply: (changes) => this.engine.apply(changes, realClock.now()),
      run: (isOver) => (this.engine.run(isOver, realClock.now()) ? "done" : "more"),
    };
    if (this.witnessing !== null) return this.witnessing.beside(decision);
    this.allocating?.pass(decision);
    return this.allocating ?? decision;
  }

  /** Where the field that a problem is about was read; null: in no file. */
  locate(problem: ConfigProblem): { readonly file: string; readonly line: number } | null {
    return this.#source.source.locate(problem, problem.path);
  }
}
