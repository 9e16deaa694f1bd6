// SHELL: everything one term of the controller writes: addresses of Services, counters of pools, its ConfigurationState, Events. Owns the
// requests and what is said of those that fail; what has to be written is decided in control/. Contract: level-triggered: nothing is
// written that is there already, and nothing unless `mayWrite` says so in the same turn.
import type { AllocationEvent, PoolCounters } from "../allocate/model.ts";
import { FIELD_MANAGER, type StateWrite, stateWrite, type Verdict } from "../control/configurationState.ts";
import { say } from "../control/messages.ts";
import { poolPatch } from "../control/poolStatus.ts";
import { ServiceBook } from "../control/serviceBook.ts";
import type { StoredService, WantedStatus } from "../control/serviceStatus.ts";
import { isOlder, versionOf } from "../control/versions.ts";
import { WRITES_AT_ONCE, WriteQueue } from "../control/writeQueue.ts";
import type { Clock, Random, TimerHandle, Timers } from "../kernel/clock.ts";
import { type ConfigProblem, type ObjectRef, problemOf } from "../kernel/problem.ts";
import { Millis } from "../kernel/units.ts";
import { ApiError } from "../kube/apiError.ts";
import type { KubeClient } from "../kube/client.ts";
import {
  CONFIGURATION_STATES,
  CONTROLLER_STATE,
  EVENTS,
  IP_ADDRESS_POOLS,
  type KubeResource,
  resourceText,
  SERVICES,
} from "../kube/resources.ts";
import type { Logger } from "../observe/log.ts";
import { EVENT_BURST, EventLog, type EventWrite } from "../reports/eventLog.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";

/** How long changes of the counters are collected before a pool's status is written. */
export const POOL_STATUS_INTERVAL = Millis(250);
/** Component of our Events; MetalLB's, because what reads them knows that name. */
const COMPONENT = "metallb-controller";

/** What became of writes, over all terms. */
export class WriteCounts {
  readonly #counts = new Map<string, { readonly kind: string; readonly result: string; count: number }>();
  eventsDropped = 0;

  note(kind: string, result: string): void {
    const key = `${kind} ${result}`;
    const entry = this.#counts.get(key) ?? { kind, result, count: 0 };
    entry.count++;
    this.#counts.set(key, entry);
  }

  values(): Iterable<{ readonly kind: string; readonly result: string; readonly count: number }> {
    return this.#counts.values();
  }
}

export interface ControllerWritesSurroundings {
  readonly client: KubeClient;
  readonly home: string;
  readonly owner: readonly RawObject[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  readonly counts: WriteCounts;
  /** Whether the Lease is held and everything is decided. */
  readonly mayWrite: () => boolean;
  readonly wanted: (key: string, stored: StoredService) => WantedStatus | null;
  readonly counters: () => readonly PoolCounters[];
  readonly verdict: () => Verdict;
  readonly problemsChanged: () => void;
}

/** What stands against every write of a kind. */
interface Block {
  readonly result: string;
  readonly problem: ConfigProblem;
  readonly keys: Set<string>;
}

export class ControllerWrites {
  readonly services: ServiceBook;
  readonly #around: ControllerWritesSurroundings;
  readonly #events: EventLog;
  readonly #queues: Readonly<Record<"services" | "pools" | "state", WriteQueue>>;
  /** Told once their Service is as they say. */
  readonly #held = new Map<string, AllocationEvent[]>();
  readonly #pools = new Map<string, RawObject>();
  #state: RawObject | null = null;
  /** Pools and state that only the answer to a write has told of so far. */
  readonly #answers = new WeakSet<RawObject>();
  /** Services that changed at the API server or in the allocation since they were last compared. */
  readonly #dirty = new Set<string>();
  /** By resource and object: what lies in the object. */
  readonly #refused = new Map<string, ConfigProblem>();
  /** By resource: what keeps all writes of it from being made, and who waits for its end. */
  readonly #blocked = new Map<string, Block>();
  #poolTimer: TimerHandle | null = null;
  #eventTimer: TimerHandle | null = null;
  readonly #eventsUnderWay = new Set<Promise<void>>();
  #isStopped = false;

  constructor(surroundings: ControllerWritesSurroundings) {
    this.#around = surroundings;
    this.services = new ServiceBook(surroundings.wanted);
    this.#events = new EventLog(surroundings.random);
    this.#queues = {
      services: this.#queue(SERVICES, (key) => this.#writeService(key)),
      pools: this.#queue(IP_ADDRESS_POOLS, (name) => this.#writePool(name)),
      state: this.#queue(CONFIGURATION_STATES, () => this.#writeState()),
    };
  }

  problems(): readonly ConfigProblem[] {
    return [...this.#refused.values(), ...[...this.#blocked.values()].map(({ problem }) => problem)];
  }

  /** Services that are not yet as they should be. */
  get backlog(): number {
    return this.#dirty.size + this.#queues.services.size;
  }

  /** An object as the API server has it; null: it is gone. */
  seen(resource: KubeResource, key: string, raw: RawObject | null): void {
    if (resource === SERVICES) {
      this.#dirty.add(key);
      for (const woken of this.services.seen(key, raw)) this.#dirty.add(woken);
    } else if (resource === IP_ADDRESS_POOLS) {
      const name = key.slice(key.indexOf("/") + 1);
      if (raw === null) this.#pools.delete(name);
      else this.#pools.set(name, this.#told(this.#pools.get(name), raw));
      this.#notePools();
    } else if (resource === CONFIGURATION_STATES) {
      this.#state = raw === null ? null : this.#told(this.#state ?? undefined, raw);
      this.#queues.state.add(CONTROLLER_STATE);
    }
  }

  /** The allocation of the Service is another one, or there is something to tell it. */
  allocated(key: string, events: readonly AllocationEvent[]): void {
    this.#dirty.add(key);
    for (const waiting of this.services.waitersFor(key)) this.#dirty.add(waiting);
    if (events.length > 0) this.#hold(key, events);
    this.#notePools();
  }

  /** Everything that is known has been decided: what differs may be written. */
  decided(): void {
    for (const key of this.#dirty) this.#queues.services.add(key);
    this.#dirty.clear();
    this.#queues.state.add(CONTROLLER_STATE);
    for (const queue of Object.values(this.#queues)) queue.pump();
    this.#pumpEvents();
  }

  /** Settles when no write is under way any more; none begins. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#poolTimer?.cancel();
    this.#eventTimer?.cancel();
    await Promise.all([...Object.values(this.#queues).map((queue) => queue.stop()), ...this.#eventsUnderWay]);
  }

  #queue(resource: KubeResource, attempt: (key: string) => Promise<unknown> | null): WriteQueue {
    const { timers, random, mayWrite } = this.#around;
    const settled = (key: string, failure: ApiError | null): void => this.#settled(resource, key, failure);
    return new WriteQueue({ timers, random, mayWrite, attempt, settled });
  }

  /** No more than the Service could be told: one whose writes are refused may change for ever. */
  #hold(key: string, events: readonly AllocationEvent[]): void {
    const held = [...(this.#held.get(key) ?? []), ...events];
    this.#around.counts.eventsDropped += Math.max(0, held.length - EVENT_BURST);
    this.#held.set(key, held.slice(-EVENT_BURST));
  }

  #notePools(): void {
    if (this.#poolTimer !== null || this.#isStopped) return;
    this.#poolTimer = this.#around.timers.after(POOL_STATUS_INTERVAL, () => {
      this.#poolTimer = null;
      for (const name of this.#pools.keys()) this.#queues.pools.add(name);
    });
  }

  #writeService(key: string): Promise<unknown> | null {
    const body = this.services.next(key);
    if (body === null) return null;
    const path = { ...placeOf(key), subresource: "status" } as const;
    return this.#count(SERVICES, this.#around.client.patch(SERVICES, path, { type: "merge", body })).then((answer) => {
      for (const woken of this.services.answered(key, answer)) this.#queues.services.add(woken);
      this.#queues.services.add(key);
    });
  }

  #writePool(name: string): Promise<unknown> | null {
    const counters = this.#around.counters().find(({ pool }) => pool === name);
    const body = counters === undefined ? null : poolPatch(counters, this.#pools.get(name)?.status);
    if (body === null) return null;
    const path = { namespace: this.#around.home, name, subresource: "status" } as const;
    return this.#count(
      IP_ADDRESS_POOLS,
      this.#around.client.patch(IP_ADDRESS_POOLS, path, { type: "merge", body }),
    ).then((answer) => {
      if (this.#pools.has(name)) this.#pools.set(name, this.#answered(this.#pools.get(name), answer));
    });
  }

  #writeState(): Promise<unknown> | null {
    const { client, home, owner, clock } = this.#around;
    const write = stateWrite(this.#around.verdict(), this.#state, { home, owner, wall: clock.wall() });
    if (write === null) return null;
    const path = { namespace: home, name: CONTROLLER_STATE, subresource: "status" } as const;
    const send: Readonly<Record<StateWrite["type"], () => Promise<RawObject>>> = {
      create: () => client.create(CONFIGURATION_STATES, write.body, { namespace: home }),
      apply: () =>
        client.patch(CONFIGURATION_STATES, path, {
          type: "apply",
          body: write.body,
          fieldManager: FIELD_MANAGER,
          isForced: true,
        }),
      merge: () => client.patch(CONFIGURATION_STATES, path, { type: "merge", body: write.body }),
    };
    return this.#count(CONFIGURATION_STATES, send[write.type]()).then((answer) => {
      this.#state = this.#answered(this.#state ?? undefined, answer);
      this.#queues.state.add(CONTROLLER_STATE);
    });
  }

  #pumpEvents(): void {
    const { clock, timers, mayWrite } = this.#around;
    this.#eventTimer?.cancel();
    while (!this.#isStopped && mayWrite() && this.#eventsUnderWay.size < WRITES_AT_ONCE) {
      const write = this.#events.next(clock.now());
      if (write === null) break;
      const sent: Promise<void> = this.#sendEvent(write).finally(() => {
        this.#eventsUnderWay.delete(sent);
        this.#pumpEvents();
      });
      this.#eventsUnderWay.add(sent);
    }
    // what is due already waits for leave to write, or for the end of a request: both lead here
    const pause = (this.#events.deadline() ?? 0) - clock.now();
    if (pause > 0 && !this.#isStopped) this.#eventTimer = timers.after(Millis(pause), () => this.#pumpEvents());
  }

  async #sendEvent(write: EventWrite): Promise<void> {
    const { client, clock, counts } = this.#around;
    const { namespace, name, body } = write;
    try {
      const answer = await this.#count(
        EVENTS,
        name === null
          ? client.create(EVENTS, body, { namespace })
          : client.patch(EVENTS, { namespace, name }, { type: "merge", body }),
      );
      const written = isRawObject(answer.metadata) ? answer.metadata.name : undefined;
      this.#events.worked(write, typeof written === "string" ? written : "");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { dropped } = this.#events;
      this.#events.failed(write, error, clock.now());
      counts.eventsDropped += this.#events.dropped - dropped;
    }
  }

  /** Tells what happened to a Service once it is so at the API server. */
  #tell(key: string): void {
    const events = this.#held.get(key);
    const stored = this.services.get(key);
    if (events === undefined) return;
    this.#held.delete(key);
    if (stored === undefined) return;
    const { clock, counts } = this.#around;
    const { dropped } = this.#events;
    const target = { ...placeOf(key), uid: stored.uid };
    for (const { type, reason, text: message } of events) {
      this.#events.add({ target, component: COMPONENT, type, reason, message }, clock.now(), clock.wall());
    }
    counts.eventsDropped += this.#events.dropped - dropped;
    this.#pumpEvents();
  }

  /** What the watch tells counts, unless an answer has overtaken it: an older version is that of a server that was restored. */
  #told(known: RawObject | undefined, raw: RawObject): RawObject {
    return known !== undefined && this.#answers.has(known) && isOlder(versionOf(raw), versionOf(known)) ? known : raw;
  }

  #answered(known: RawObject | undefined, raw: RawObject): RawObject {
    const [before, now] = [known === undefined ? "" : versionOf(known), versionOf(raw)];
    if (known !== undefined && (before === now || isOlder(now, before))) return known;
    this.#answers.add(raw);
    return raw;
  }

  #count<T>(resource: KubeResource, write: Promise<T>): Promise<T> {
    const note = (result: string): void => this.#around.counts.note(resource.kind, result);
    return write.then(
      (value) => {
        note("ok");
        if (this.#blocked.delete(resource.plural)) this.#around.problemsChanged();
        return value;
      },
      (error: ApiError) => {
        note(resultOf(error));
        throw error;
      },
    );
  }

  #settled(resource: KubeResource, key: string, failure: ApiError | null): void {
    const isOver = failure === null || failure.isNotFound;
    if (resource === SERVICES && isOver && !this.services.isPending(key)) this.#tell(key);
    if (this.#isStopped || failure?.isConflict === true) return;
    const hadAny = this.#hasProblems;
    this.#refused.delete(`${resource.plural} ${key}`);
    const before = this.#blocked.get(resource.plural);
    before?.keys.delete(key);
    // an object that needs no write says nothing about those that do
    if (before?.keys.size === 0) this.#blocked.delete(resource.plural);
    if (!isOver) this.#noteFailure(resource, key, failure, before);
    if (hadAny || this.#hasProblems) this.#around.problemsChanged();
  }

  #noteFailure(resource: KubeResource, key: string, failure: ApiError, before: Block | undefined): void {
    const why = { why: failure.message };
    if (isOneObjects(failure)) {
      const ref = refOf(resource, key, this.#around.home);
      this.#refused.set(`${resource.plural} ${key}`, problemOf(ref, "", say("notWritten", why)));
      return;
    }
    const result = resultOf(failure);
    const keys = (before?.keys ?? new Set<string>()).add(key);
    // told once: the server's words name another object each time
    const known = before?.result === result ? before.problem : null;
    const problem = known ?? problemOf(anyOf(resource), "", say("noWrites", { what: resourceText(resource), ...why }));
    this.#blocked.set(resource.plural, { result, problem, keys });
  }

  get #hasProblems(): boolean {
    return this.#refused.size + this.#blocked.size > 0;
  }
}

/** The words of `vipcast_kube_writes_total`. */
function resultOf(error: ApiError): string {
  if (error.isConflict) return "conflict";
  if (error.isForbidden) return "forbidden";
  if (error.isNotFound) return "absent";
  return isOneObjects(error) ? "refused" : "trouble";
}

/** The fault lies in the object, and others may well be written. */
const isOneObjects = ({ code }: ApiError): boolean => code === 400 || code === 422;

const anyOf = ({ kind }: KubeResource): ObjectRef => ({ kind, namespace: null, name: "*" });

const refOf = ({ kind }: KubeResource, key: string, home: string): ObjectRef =>
  key.includes("/") ? { kind, ...placeOf(key) } : { kind, namespace: home, name: key };

function placeOf(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf("/");
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
