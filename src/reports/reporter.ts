// Reports of this node in the cluster: what is wished comes from the daemon, what is there from watches, and the writes between them go
// out here. Owns the order of things, requests under way, and what is told of those that fail. Holds no rule about what a report
// says or when it is written. Contract: never waits for anything: a change is noted and worked on in turns of its own, each of which looks at a
// few Services and begins one request at most, so that routes never wait for reports; at most MAX_AT_ONCE requests are under way;
// without a server everything else goes on. After `stop` nothing is written.
import type { ServiceDecision } from "../announce/service.ts";
import type { TimerHandle } from "../kernel/clock.ts";
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import { assertNever } from "../kernel/result.ts";
import { later, Millis, type ServiceKey } from "../kernel/units.ts";
import { ApiError, type ApiFailure, localFailure } from "../kube/apiError.ts";
import type { KubeClient } from "../kube/client.ts";
import { EVENTS, type KubeResource, NODES, PODS } from "../kube/resources.ts";
import { ResourceWatch, type WatchSurroundings } from "../kube/resourceWatch.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { configurationState, configurationStateKind } from "./configurationState.ts";
import { EventLog, type EventTarget, type EventWrite } from "./eventLog.ts";
import { forbiddenProblem, problemsOfKind } from "./faults.ts";
import { Keeper, type Write } from "./keeper.ts";
import { say } from "./messages.ts";
import { type OwnerAnswer, OwnerSearch } from "./owner.ts";
import { Bucket } from "./pace.ts";
import { eventOf } from "./serviceEvents.ts";
import { serviceStatus, serviceStatusKind } from "./serviceStatus.ts";
import { type PeerFacts, sessionState, sessionStateKind } from "./sessionState.ts";

/** Requests under way together. */
export const MAX_AT_ONCE = 4;
/** Writes of this node, and how many of them in a row. */
export const WRITES_PER_SECOND = 100;
/** What changes within this is one change, milliseconds. */
export const FOLD_TIME = Millis(100);
/** Services looked at in one turn of the event loop: well under a millisecond, for a route may be waiting behind them. */
const SERVICES_PER_TURN = 50;

export interface ReporterOptions {
  readonly node: string;
  /** Namespace of MetalLB's objects. */
  readonly home: string;
  /** null: the daemon is no pod. */
  readonly podName: string | null;
}

/** What the daemon knows, asked for when it is needed. */
export interface Known {
  services(): Iterable<ServiceKey>;
  decision(service: ServiceKey): ServiceDecision | undefined;
  /** null: there is no such Service. */
  target(service: ServiceKey): EventTarget | null;
  peers(): readonly PeerFacts[];
  problems(): readonly ConfigProblem[];
}

export interface ReporterSurroundings extends WatchSurroundings {
  readonly client: KubeClient;
  readonly known: Known;
  /** `problems()` gives another answer. */
  readonly problemsChanged: () => void;
}

/** How a write ended. */
export type WriteResult = "ok" | "conflict" | "forbidden" | "absent" | "refused" | "trouble";

export interface WriteCount {
  readonly kind: string;
  readonly result: WriteResult;
  readonly count: number;
}

interface Kept {
  readonly keeper: Keeper;
  readonly watch: ResourceWatch;
  lists: number;
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #with: ReporterSurroundings;
  readonly #configuration: Kept;
  readonly #sessions: Kept;
  readonly #services: Kept;
  readonly #events: EventLog;
  readonly #owner: OwnerSearch;
  readonly #bucket: Bucket;
  readonly #counts = new Map<string, { kind: string; result: WriteResult; count: number }>();
  /** Services to be looked at. */
  readonly #changed = new Set<ServiceKey>();
  /** Services whose announcement is the last thing that was said of them. */
  readonly #told = new Set<ServiceKey>();
  #arePeersChanged = true;
  /** Peers were looked at once: what is not wished now is not wished. */
  #arePeersKnown = false;
  #areProblemsChanged = true;
  #isSettled = false;
  /** So was every Service. */
  #isComplete = false;
  #isStopped = false;
  #isHeld = false;
  #underWay = 0;
  /** Until then what changes is one change; null: nothing has. */
  #foldedUntil: Millis | null = null;
  #timer: { readonly at: Millis; readonly handle: TimerHandle } | null = null;
  #ownerProblem: ConfigProblem | null = null;
  #toldProblems = "[]";

  constructor(options: ReporterOptions, surroundings: ReporterSurroundings) {
    const { node } = options;
    this.#options = options;
    this.#with = surroundings;
    this.#configuration = this.#keep(new Keeper(configurationStateKind(node), options.home, surroundings.random));
    this.#sessions = this.#keep(new Keeper(sessionStateKind(node), options.home, surroundings.random));
    this.#services = this.#keep(new Keeper(serviceStatusKind(node), options.home, surroundings.random));
    this.#events = new EventLog(surroundings.random);
    this.#owner = new OwnerSearch(options, surroundings, (answer) => this.#owned(answer));
    this.#bucket = new Bucket(WRITES_PER_SECOND, Millis(1_000 / WRITES_PER_SECOND), surroundings.clock.now());
  }

  start(): void {
    for (const { watch } of this.#all()) watch.list();
    this.#owner.ask();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.handle.cancel();
    this.#owner.stop();
    for (const { watch } of this.#all()) watch.stop();
  }

  /** While held nothing is looked at and nothing new is asked for: what is there stays for who comes after us. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#wakeIn(Millis(0));
  }

  /** The first complete decision is made; before it nothing but what is wrong is known. */
  settled(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const service of this.#with.known.services()) this.#changed.add(service);
    this.#areProblemsChanged = true;
    this.#fold();
  }

  serviceChanged(service: ServiceKey): void {
    if (!this.#isSettled) return;
    this.#changed.add(service);
    this.#fold();
  }

  peersChanged(): void {
    this.#arePeersChanged = true;
    this.#fold();
  }

  problemsChanged(): void {
    this.#areProblemsChanged = true;
    this.#fold();
  }

  /** What keeps reports from being written; warnings, since nothing else depends on them. */
  problems(): readonly ConfigProblem[] {
    const { home } = this.#options;
    const events = this.#events.fault;
    return [
      ...(this.#ownerProblem === null ? [] : [this.#ownerProblem]),
      ...this.#all().flatMap(({ keeper, watch }) =>
        problemsOfKind(keeper.kind.resource, home, keeper.fault, watch.view().fault),
      ),
      ...(events?.kind === "forbidden" ? [forbiddenProblem(EVENTS, null, events.action, events.failure)] : []),
    ];
  }

  writes(): Iterable<WriteCount> {
    return this.#counts.values();
  }

  /** Objects that are not known to be as they should. */
  get pending(): number {
    return this.#all().reduce((sum, { keeper }) => sum + keeper.pending, this.#events.pending + this.#changed.size);
  }

  get eventsDropped(): number {
    return this.#events.dropped;
  }

  #all(): readonly Kept[] {
    return [this.#configuration, this.#sessions, this.#services];
  }

  #keep(keeper: Keeper): Kept {
    const { resource, select } = keeper.kind;
    const watched = { resource, scope: "home", ifForbidden: "wait", ...select } as const;
    const watch: ResourceWatch = new ResourceWatch(watched, this.#options.home, this.#with, {
      put: (_key, raw) => {
        if (keeper.put(raw)) this.#wakeIn(FOLD_TIME);
      },
      delete: (key) => {
        if (keeper.deleted(key.slice(key.indexOf("/") + 1))) this.#doubtOwner();
        this.#wakeIn(FOLD_TIME);
      },
      listed: () => {},
      faultChanged: () => this.#tellProblems(),
      flush: () => {
        const { lists } = watch.view();
        if (lists === kept.lists) return;
        kept.lists = lists;
        keeper.listed();
        this.#wakeIn(FOLD_TIME);
      },
    });
    const kept: Kept = { keeper, watch, lists: 0 };
    return kept;
  }

  // --- what is wished

  #fold(): void {
    this.#foldedUntil ??= later(this.#with.clock.now(), FOLD_TIME);
    this.#wakeIn(FOLD_TIME);
  }

  #look(): void {
    const { node } = this.#options;
    const { known, clock } = this.#with;
    if (this.#areProblemsChanged) {
      this.#areProblemsChanged = false;
      const report = configurationState(node, known.problems(), clock.wall());
      // before the first decision an error is known, that there is none is not
      if (this.#isSettled || report.status.result === "Invalid") this.#configuration.keeper.want(report);
    }
    if (!this.#isSettled) return;
    if (this.#arePeersChanged) this.#lookAtPeers(node);
    if (this.#canTellServices()) this.#lookAtServices(node);
  }

  #lookAtPeers(node: string): void {
    this.#arePeersChanged = false;
    this.#arePeersKnown = true;
    const { keeper } = this.#sessions;
    const reports = new Map<string, ReturnType<typeof sessionState>>();
    for (const facts of this.#with.known.peers()) {
      const report = sessionState(node, facts);
      if (!reports.has(report.key)) reports.set(report.key, report);
    }
    for (const key of [...keeper.wantedKeys()]) if (!reports.has(key)) keeper.unwant(key);
    for (const report of reports.values()) keeper.want(report);
  }

  /** What the process before us has said is known, or cannot be. */
  #canTellServices(): boolean {
    const { keeper, watch } = this.#services;
    const fault = watch.view().fault;
    return keeper.isListed || fault?.kind === "forbidden" || fault?.kind === "absent";
  }

  #lookAtServices(node: string): void {
    const { keeper } = this.#services;
    const { known, clock } = this.#with;
    let left = SERVICES_PER_TURN;
    for (const service of this.#changed) {
      if (left-- === 0) return;
      this.#changed.delete(service);
      const decision = known.decision(service);
      const wasAnnounced = this.#told.has(service) || (!this.#isComplete && keeper.has(service));
      const event = eventOf(wasAnnounced, decision, known.target(service), node);
      if (event !== null) this.#events.add(event, clock.now(), clock.wall());
      if (decision?.announced === true) this.#told.add(service);
      else this.#told.delete(service);
      const report = serviceStatus(node, service, decision);
      if (report === null) keeper.unwant(service);
      else keeper.want(report);
    }
    this.#isComplete = true;
  }

  // --- what is written

  #work(): void {
    this.#timer = null;
    if (this.#isStopped || this.#isHeld) return;
    const now = this.#with.clock.now();
    if (this.#foldedUntil === null || this.#foldedUntil <= now) {
      this.#foldedUntil = null;
      this.#look();
    }
    const start = this.#underWay < MAX_AT_ONCE && this.#bucket.has(now) ? this.#nextWrite(now) : null;
    if (start !== null) {
      this.#bucket.take(now);
      start();
      this.#wakeIn(Millis(0)); // perhaps there is another one
    }
    this.#tellProblems();
    this.#arm(this.#bucket.has(now) ? null : this.#bucket.nextAt(), now);
  }

  /** Begins the next request; null: there is none. */
  #nextWrite(now: Millis): (() => void) | null {
    for (const kept of this.#all()) {
      const { keeper } = kept;
      const isKnown = kept === this.#services ? this.#isComplete : kept === this.#configuration || this.#arePeersKnown;
      if (!isKnown) continue;
      if (kept === this.#configuration && [...keeper.wantedKeys()].length === 0) continue;
      const write = keeper.next(now);
      if (write !== null) return () => this.#write(keeper, write);
    }
    const event = this.#events.next(now);
    return event === null ? null : () => this.#writeEvent(event);
  }

  #arm(limitedUntil: Millis | null, now: Millis): void {
    if (this.#foldedUntil !== null) this.#wakeIn(Millis(Math.max(0, this.#foldedUntil - now)));
    else if (this.#changed.size > 0 && this.#isSettled && this.#canTellServices()) this.#wakeIn(Millis(0));
    if (this.#underWay >= MAX_AT_ONCE) return;
    if (this.#all().some(({ keeper }) => keeper.hasMore)) this.#wakeIn(Millis(0));
    const due =
      limitedUntil === null
        ? [...this.#all().map((k) => k.keeper.deadline()), this.#events.deadline()]
        : [limitedUntil];
    for (const at of due) if (at !== null) this.#wakeIn(Millis(Math.max(0, at - now)));
  }

  #wakeIn(delay: Millis): void {
    if (this.#isStopped) return;
    const at = later(this.#with.clock.now(), delay);
    if (this.#timer !== null && this.#timer.at <= at) return;
    this.#timer?.handle.cancel();
    this.#timer = { at, handle: this.#with.timers.after(delay, () => this.#work()) };
  }

  #write(keeper: Keeper, write: Write): void {
    const { resource } = keeper.kind;
    this.#request(
      this.#send(resource, write),
      (object) => keeper.answer(write, { ok: true, object }, this.#with.clock.now()),
      (failure) => keeper.answer(write, { ok: false, failure }, this.#with.clock.now()),
      write.type === "read" ? null : resource.kind,
    );
  }

  #send(resource: KubeResource, write: Write): Promise<RawObject | null> {
    const { client } = this.#with;
    const namespace = this.#options.home;
    switch (write.type) {
      case "create":
        return client.create(resource, write.body, { namespace });
      case "describe":
        return client.patch(resource, { namespace, name: write.name }, { type: "merge", body: write.body });
      case "status":
        return client.patch(
          resource,
          { namespace, name: write.name, subresource: "status" },
          { type: "merge", body: write.body },
        );
      case "delete":
        return client.delete(resource, { namespace, name: write.name }, { uid: write.uid }).then(() => null);
      case "read":
        return client.get(resource, { namespace, name: write.name });
      default:
        return assertNever(write);
    }
  }

  #writeEvent(write: EventWrite): void {
    const { client } = this.#with;
    const { namespace, name, body } = write;
    const sent =
      name === null
        ? client.create(EVENTS, body, { namespace })
        : client.patch(EVENTS, { namespace, name }, { type: "merge", body });
    this.#request(
      sent,
      (object) => this.#events.worked(write, nameOf(object)),
      (failure) => this.#events.failed(write, failure, this.#with.clock.now()),
      EVENTS.kind,
    );
  }

  /** @param kind under which it counts; null: it is no write */
  #request(
    sent: Promise<RawObject | null>,
    worked: (object: RawObject | null) => void,
    failed: (failure: ApiFailure) => void,
    kind: string | null,
  ): void {
    this.#underWay++;
    const end = (result: WriteResult, answered: () => void): void => {
      this.#underWay--;
      if (kind !== null) this.#count(kind, result);
      if (this.#isStopped) return;
      answered();
      this.#wakeIn(Millis(0));
    };
    sent.then(
      (object) => end("ok", () => worked(object)),
      (error: unknown) => {
        const failure = error instanceof ApiError ? error : localFailure("broken", String(error));
        end(resultOf(failure), () => failed(failure));
        if (!(error instanceof ApiError)) throw error;
      },
    );
  }

  #count(kind: string, result: WriteResult): void {
    const key = `${kind} ${result}`;
    const found = this.#counts.get(key) ?? { kind, result, count: 0 };
    found.count++;
    this.#counts.set(key, found);
  }

  // --- who owns it

  /** Somebody took an object of ours away, perhaps because its owner is gone: another one may be there. */
  #doubtOwner(): void {
    for (const { keeper } of this.#all()) keeper.setOwner(null);
    this.#owner.ask();
  }

  #owned({ owner, podFault }: OwnerAnswer): void {
    const { node, podName } = this.#options;
    if (owner === null) {
      const why = podFault === null ? `there is no Node ${node}` : `${podFault}, and there is no Node ${node}`;
      this.#ownerProblem = problemOf(refOf(NODES, node), "", say("noOwner", { why }), "warning");
    } else {
      const fault = podFault === null ? null : say("podNotOwner", { pod: podName ?? "", why: podFault });
      this.#ownerProblem = fault === null ? null : problemOf(refOf(PODS, podName ?? ""), "", fault, "warning");
      for (const { keeper } of this.#all()) keeper.setOwner(owner);
    }
    this.#wakeIn(Millis(0));
  }

  #tellProblems(): void {
    const text = JSON.stringify(this.problems());
    if (text === this.#toldProblems) return;
    this.#toldProblems = text;
    this.#with.problemsChanged();
  }
}

const refOf = ({ kind }: KubeResource, name: string) => ({ kind, namespace: null, name });

const nameOf = (object: RawObject | null): string => {
  const metadata = object !== null && isRawObject(object.metadata) ? object.metadata : {};
  return typeof metadata.name === "string" ? metadata.name : "";
};

function resultOf({ code }: ApiFailure): WriteResult {
  if (code === 409) return "conflict";
  if (code === 403) return "forbidden";
  if (code === 404) return "absent";
  return code === null || code === 401 || code === 429 || code >= 500 ? "trouble" : "refused";
}
