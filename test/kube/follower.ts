// A KubeSource over real sockets with what it told, for tests. Owns the waiting for it, and a clock that can be put forward. Knows no server.
// Contract: `until` looks again whenever something was told, and ends with the words for what did not come.
import { realClock, realRandom, realTimers } from "../../src/app/realTime.ts";
import type { Clock, TimerHandle, Timers } from "../../src/kernel/clock.ts";
import type { ConfigProblem } from "../../src/kernel/problem.ts";
import { Millis } from "../../src/kernel/units.ts";
import type { ServerAccess } from "../../src/kube/access.ts";
import { KubeSource } from "../../src/kube/kubeSource.ts";
import { HttpTransport } from "../../src/kube/transport.ts";
import { ObjectStore, type StoreChange } from "../../src/sources/store.ts";

interface Time {
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Real time, put forward by hand: minutes of silence in no time, with sockets that know nothing of it. */
export class SkippedTime implements Time {
  #skipped = 0;
  readonly #pending = new Set<{ readonly due: number; fire(): void }>();
  readonly clock: Clock = { now: () => Millis(realClock.now() + this.#skipped), wall: () => realClock.wall() };
  readonly timers: Timers = { after: (delay, callback) => this.#after(delay, callback) };

  /** @param ms everything that falls due within them is called, in its order */
  skip(ms: number): void {
    this.#skipped += ms;
    const now = this.clock.now();
    const due = [...this.#pending].filter((timer) => timer.due <= now).sort((a, b) => a.due - b.due);
    for (const timer of due) timer.fire();
  }

  #after(delay: Millis, callback: () => void): TimerHandle {
    const fire = (): void => {
      if (!this.#pending.delete(timer)) return;
      real.cancel();
      callback();
    };
    const timer = { due: this.clock.now() + delay, fire };
    this.#pending.add(timer);
    const real = realTimers.after(delay, fire);
    return {
      cancel: () => {
        this.#pending.delete(timer);
        real.cancel();
      },
    };
  }
}

/** A source with what it told. */
export class Follower {
  readonly store = new ObjectStore();
  readonly source: KubeSource;
  changes: StoreChange[] = [];
  problems: readonly ConfigProblem[] = [];
  isListed = false;
  #waiting: (() => void)[] = [];

  constructor(
    given: Partial<ServerAccess> & Pick<ServerAccess, "url">,
    time: Time = { clock: realClock, timers: realTimers },
  ) {
    const { clock, timers } = time;
    const identity = { type: "none" as const };
    const access = { authority: null, serverName: null, isInsecure: false, identity, ...given };
    const transport = new HttpTransport(access, { env: {}, clock: realClock }, "vipcast/test");
    const surroundings = { transport, clock, timers, random: realRandom };
    this.source = new KubeSource(this.store, "metallb-system", surroundings, {
      changed: (changes) => {
        this.changes.push(...changes);
        this.#wake();
      },
      problemsChanged: (problems) => {
        this.problems = problems;
        this.#wake();
      },
      listed: () => {
        this.isListed = true;
        this.#wake();
      },
    });
  }

  get services(): readonly string[] {
    return [...this.store.list("Service")].map((s) => `${s.ref.name} ${s.ingress[0]?.ip ?? "-"}`).sort();
  }

  view(resource: string) {
    const found = this.source.resources().find((r) => r.resource === resource);
    if (found === undefined) throw new Error(`${resource} is not followed`);
    return found.view;
  }

  /** Resolves when it holds; looked at whenever something was told, and now and then. */
  async until(what: string, holds: () => boolean, limitMs = 15_000): Promise<void> {
    const end = realClock.now() + limitMs;
    while (!holds()) {
      if (realClock.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(resolve, 25);
      });
    }
  }

  async begin(): Promise<void> {
    await this.source.start();
    await this.until("the first list", () => this.isListed);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
