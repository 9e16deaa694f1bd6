// SHELL: the Lease that says which controller allocates, asked for and renewed. Owns its requests and timers; the rules are
// control/election.ts. Contract: `elected` and `lost` are told in turn; `lost` comes before anybody else can hold the Lease, also when
// the API server does not answer any more.
import { Election, RENEW_DEADLINE_MS, RETRY_PERIOD_MS } from "../control/election.ts";
import type { Clock, Random, TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import { ApiError } from "../kube/apiError.ts";
import { KubeClient } from "../kube/client.ts";
import type { Transport } from "../kube/exchange.ts";
import { LEASES } from "../kube/resources.ts";

/** A request for the Lease is given up after this, so that another one fits in before the deadline. */
export const LEASE_REQUEST_LIMIT = Millis(RENEW_DEADLINE_MS / 2);
/** Those who wait look at the Lease at different times, by up to this part of the period. */
const SPREAD = 0.2;

export interface LeaderSurroundings {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly elected: () => void;
  readonly lost: () => void;
  /** The Lease was looked at, or could not be. */
  readonly looked: (failure: ApiError | null) => void;
}

export class Leader {
  readonly election: Election;
  readonly #client: KubeClient;
  readonly #around: LeaderSurroundings;
  readonly #path: { readonly namespace: string; readonly name: string };
  #isElected = false;
  #isStopped = false;
  #round: Promise<void> = Promise.resolve();
  #timer: TimerHandle | null = null;
  #deadline: TimerHandle | null = null;

  constructor(identity: string, name: string, namespace: string, surroundings: LeaderSurroundings) {
    this.election = new Election(identity, name, namespace);
    this.#around = surroundings;
    this.#client = new KubeClient(surroundings.transport, surroundings.timers, LEASE_REQUEST_LIMIT);
    this.#path = { namespace, name };
  }

  get isElected(): boolean {
    return this.#isElected;
  }

  mayWrite(): boolean {
    return this.#isElected && this.election.mayWrite(this.#around.clock.now());
  }

  start(): void {
    this.#round = this.#ask();
  }

  /** Gives the Lease back, so that another one need not wait for its end. Nothing may be written any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#deadline?.cancel();
    await this.#round;
    const body = this.election.release(this.#around.clock.wall());
    this.#isElected = false;
    if (body === null) return;
    try {
      await this.#client.update(LEASES, this.#path, body);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // else it ends by itself
    }
  }

  /** One look where needed, one step, and the timer for the next. */
  async #ask(): Promise<void> {
    const { clock, looked } = this.#around;
    try {
      if (this.election.mustLook) await this.#look();
      this.#tell(); // who finds the Lease gone, or another's, holds it no more: also if it is ours again after this step
      const step = this.election.next(clock.now(), clock.wall());
      if (step.type !== "wait" && !this.#isStopped) {
        const sentAt = clock.now();
        const { namespace } = this.#path;
        const answer =
          step.type === "create"
            ? await this.#client.create(LEASES, step.body, { namespace })
            : await this.#client.update(LEASES, this.#path, step.body);
        this.election.wrote(answer, sentAt, clock.now());
      }
      looked(null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.isConflict || error.isNotFound) this.election.refused();
      looked(error.isConflict ? null : error);
    }
    this.#tell();
    this.#arm();
  }

  async #look(): Promise<void> {
    const { clock } = this.#around;
    try {
      this.election.saw(await this.#client.get(LEASES, this.#path), clock.now());
    } catch (error) {
      if (!(error instanceof ApiError && error.isNotFound)) throw error;
      this.election.saw(null, clock.now());
    }
  }

  #tell(): void {
    const { clock, elected, lost } = this.#around;
    const isElected = this.election.mayWrite(clock.now());
    if (isElected === this.#isElected || this.#isStopped) return;
    this.#isElected = isElected;
    if (isElected) elected();
    else lost();
  }

  #arm(): void {
    if (this.#isStopped) return;
    const { clock, timers, random } = this.#around;
    const period = this.#isElected ? RETRY_PERIOD_MS : RETRY_PERIOD_MS * (1 + SPREAD * random.next());
    this.#timer = timers.after(Millis(period), () => {
      this.#round = this.#ask();
    });
    const { deadline } = this.election;
    this.#deadline?.cancel();
    if (deadline === null) return;
    this.#deadline = timers.after(Millis(Math.max(0, deadline - clock.now())), () => this.#tell());
  }
}
