// What has been decided, handed to whoever acts on it or tells of it: peers, injected routes, site claims, history, log, reports. Owns
// the order in which they hear, the list of this node's peers, and which decision was the first. Decides nothing. Contract: a peer
// runs before it is given routes; the services of the first complete decision are counted in the log, not listed.
import type { PlannedPeer } from "../announce/compiled.ts";
import type { DecisionEngine, DecisionSink } from "../announce/engine.ts";
import type { ServiceDecision } from "../announce/service.ts";
import type { Speaker } from "../bgp/speaker.ts";
import type { RouteAttributes } from "../bgp/wire/message.ts";
import type { Prefix } from "../kernel/ip.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import type { PeerName, ServiceKey } from "../kernel/units.ts";
import type { Logger } from "../observe/log.ts";
import type { ServiceHistory } from "../observe/serviceHistory.ts";
import type { ClaimFeed } from "./claimFeed.ts";
import { noteWritten } from "./historyNotes.ts";
import type { Injecting } from "./injecting.ts";
import type { PathWatch } from "./pathWatch.ts";
import type { PeerAccess } from "./peerAccess.ts";
import type { PeerReports } from "./peerReports.ts";
import type { ProblemBook } from "./problemBook.ts";
import { realClock } from "./realTime.ts";
import type { ReconcileReport, Reconciler } from "./reconcile.ts";
import type { Reporting } from "./reporting.ts";
import type { Shadowing } from "./shadowing.ts";
import type { Witnessing } from "./witnessing.ts";

/** The daemon, as far as decisions concern it; read when there is one, for some parts are made later than this. */
export interface Receivers {
  readonly engine: DecisionEngine;
  readonly reconciler: Reconciler;
  readonly speaker: Speaker;
  readonly access: PeerAccess;
  readonly injecting: Injecting;
  readonly feed: ClaimFeed;
  readonly paths: PathWatch;
  readonly problems: ProblemBook;
  readonly reports: PeerReports;
  readonly history: ServiceHistory;
  readonly witnessing: Witnessing | null;
  readonly shadowing: Shadowing | null;
  readonly reporting: Reporting | null;
}

export class Handover implements DecisionSink {
  readonly #to: Receivers;
  readonly #log: Logger;
  #planned: readonly PlannedPeer[] = [];
  #isFirst = true;

  constructor(to: Receivers, log: Logger) {
    this.#to = to;
    this.#log = log;
  }

  /** Peers of this node with what keeps some of them from running. */
  get planned(): readonly PlannedPeer[] {
    const problems = this.#to.access.problems();
    return this.#planned.map((p) => {
      const problem = p.problem ?? problems.get(p.name) ?? null;
      return { ...p, problem, problemPath: problem === null ? null : (p.problemPath ?? "spec") };
    });
  }

  peersChanged(decided: readonly PlannedPeer[]): void {
    const { access, speaker, reports, injecting, feed, witnessing, shadowing, paths, reporting, problems } = this.#to;
    const planned = witnessing?.plan(decided) ?? decided;
    this.#planned = planned;
    // a shadow runs no peer: no session, no BFD, nothing that listens
    const running = shadowing === null ? planned : [];
    const configs = running.flatMap((p) => (p.config === null ? [] : [p.config]));
    access.setPeers(configs);
    const changes = speaker.setPeers(configs);
    reports.peerChanges(changes);
    injecting.setPeers(planned, changes);
    witnessing?.peersChanged(planned);
    feed.peersChanged();
    paths.sync();
    reporting?.reporter.peersChanged();
    problems.tell();
  }

  setRoute(peer: PeerName, prefix: Prefix, attributes: RouteAttributes | null): void {
    this.#to.injecting.decidedChanged(peer, prefix, attributes);
  }

  serviceChanged(key: ServiceKey, before: ServiceDecision | undefined, after: ServiceDecision | undefined): void {
    const { history, reconciler, reports, reporting } = this.#to;
    const now = realClock.now();
    history.decided(key, before, after, reconciler.since ?? now, now);
    if (!this.#isFirst) reports.serviceChanged(key, before, after);
    reporting?.reporter.serviceChanged(key);
  }

  problemsChanged(problems: readonly ConfigProblem[]): void {
    this.#to.problems.decisionFound(problems);
  }

  /** Everything is decided and handed on. */
  settled(report: ReconcileReport): void {
    const { history, shadowing, speaker, reporting } = this.#to;
    history.settled();
    shadowing?.changed();
    noteWritten(history, speaker.peers(), realClock.now());
    this.#tellSettled(report);
    reporting?.reporter.settled();
  }

  #tellSettled({ duration: durationMs, changes: count, turns, longestTurn: longestTurnMs }: ReconcileReport): void {
    const fields = { durationMs, count, turns, longestTurnMs };
    this.#log.debug("changeApplied", fields, "changes decided and handed to the peers");
    if (!this.#isFirst) return;
    this.#isFirst = false;
    const decisions = [...this.#to.engine.decisions.values()];
    const announced = decisions.filter((d) => d.announced).length;
    const peers = this.#planned.length;
    const counts = { services: decisions.length, peers, problems: this.#to.problems.all().length };
    const text = `${announced} of ${decisions.length} services announced to ${peers} peers`;
    this.#log.info("firstDecision", { ...counts, durationMs }, text);
  }
}
