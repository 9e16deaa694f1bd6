// What our BFD thread is tried at with every router that speaks BFD: sessions of every kind come up with what both sides asked
// for, failures are noticed in the negotiated time, not before and hardly later, and either end may come and go. Owns the table
// and what each row expects. Knows routers only as BfdRouter.
import { expect } from "vitest";
import { type BfdSpeaker, upsert } from "../../../lab/bfdSpeaker.ts";
import { type BfdPair, bfdPairWith } from "../../../lab/topologies/bfdPair.ts";
import { waitFor } from "../../../lab/waitFor.ts";
import type { SessionStatus, StateChanged } from "../../../src/bfd/protocol.ts";
import { startBfd } from "../bfdSupport.ts";
import type { ScenarioTitle } from "../suite.ts";
import { addressesOf, type BfdPlan, type BfdRouter, type BfdRouterKind, type Seen } from "./router.ts";

export interface BfdScenario extends ScenarioTitle {
  run(kind: BfdRouterKind): Promise<void>;
}

/** Restarts of either side; the full matrix is run with 50. */
export const RESTARTS = Number(process.env.VIPCAST_RESTARTS ?? "5");
/** Beyond the detection time: what the machine, busy with other tests, may add; the bench has figures. */
const LATE_MS = 400;
/** Milliseconds: a router's process that shares its processor may be silent for longer, and is then rightly taken for dead. */
const TRUSTED_MS = 100;
/** From the start of whichever end was away to a session at its full pace: two slow starts of a second and a poll. */
const REJOIN_MS = 10_000;

/** Milliseconds of ours; absent: as the router's. */
type Ours = Partial<Pick<BfdPlan, "transmitMs" | "receiveMs" | "multiplier">>;

/** The speaker, the router and the session between them. */
class BfdStage {
  readonly pair: BfdPair<BfdRouter>;
  readonly #plan: BfdPlan;
  readonly #ours: Required<Ours>;
  readonly #minimumTtl: number;
  #bfd: BfdSpeaker;

  private constructor(pair: BfdPair<BfdRouter>, plan: BfdPlan, ours: Ours, minimumTtl: number, bfd: BfdSpeaker) {
    this.pair = pair;
    this.#plan = plan;
    this.#ours = { ...plan, ...ours };
    this.#minimumTtl = minimumTtl;
    this.#bfd = bfd;
    this.#ask();
  }

  /** Runs `use` with both ends started; nothing is waited for. */
  static async run(
    kind: BfdRouterKind,
    plan: BfdPlan,
    ours: Ours,
    use: (stage: BfdStage) => Promise<void>,
  ): Promise<void> {
    const pair = await bfdPairWith((host) => kind.launch(host, plan));
    try {
      const bfd = await startBfd(pair.speaker);
      await use(new BfdStage(pair, plan, ours, Math.min(254, kind.multihopTtl), bfd));
    } finally {
      await pair.lab.close();
    }
  }

  get bfd(): BfdSpeaker {
    return this.#bfd;
  }

  #ask(): void {
    const { speaker, router } = addressesOf(this.#plan);
    const { transmitMs, receiveMs, multiplier } = this.#ours;
    const profile = {
      transmitInterval: transmitMs,
      receiveInterval: receiveMs,
      detectMultiplier: multiplier,
      minimumTtl: this.#minimumTtl,
    };
    this.#bfd.command(upsert({ peer: router, local: speaker, hop: this.#plan.hop, profile }));
  }

  /** Milliseconds until either side takes the other's silence for Down (RFC 5880 6.8.4). */
  get detectionMs(): { readonly ours: number; readonly theirs: number } {
    const { transmitMs, receiveMs, multiplier } = this.#plan;
    return {
      ours: multiplier * Math.max(transmitMs, this.#ours.receiveMs),
      theirs: this.#ours.multiplier * Math.max(this.#ours.transmitMs, receiveMs),
    };
  }

  /** Both sides Up, with the timers that were negotiated. */
  async settled(): Promise<SessionStatus> {
    const { ours, theirs } = this.detectionMs;
    const { router } = addressesOf(this.#plan);
    const isSettled = (s: SessionStatus): boolean =>
      s.state === "Up" && s.remoteState === "Up" && s.detectionTime === ours * 1_000 && !s.pollActive;
    const session = await this.#bfd.until("Up", router, isSettled, REJOIN_MS);
    const isUp = (seen: Seen | null): boolean => seen?.isUp === true && Math.round(seen.patienceMs) === theirs;
    const options = { timeoutMs: REJOIN_MS, logs: [this.pair.router] };
    await waitFor(`${this.pair.router.name} is up`, () => this.pair.router.seen(), isUp, options);
    if (session === null) throw new Error("unreachable");
    return session;
  }

  /**
   * Cuts the path and waits for what the cut did to our end. A router that was itself away for longer than a short detection
   * time is Down before the cut, rightly; what it sends afterwards shows that this was not the cut yet.
   */
  async cutOff(): Promise<StateChanged & { readonly lastReceivedAt: number }> {
    const since = this.#bfd.events.length;
    const address = addressesOf(this.#plan).router;
    this.pair.cut();
    const find = async () => {
      const { lastReceivedAt } = (await this.#bfd.session(address)) ?? {};
      const down = this.#bfd.changes(since).findLast((e) => e.from === "Up" && e.to === "Down");
      return down === undefined || lastReceivedAt == null || lastReceivedAt > down.at
        ? null
        : { ...down, lastReceivedAt };
    };
    const down = await waitFor("Down by the cut", find, (found) => found !== null, { logs: [this.#bfd] });
    if (down === null) throw new Error("unreachable");
    return down;
  }

  /** Ours ends in order, or is killed, and another one begins. */
  async restartOurs(isKilled: boolean): Promise<void> {
    if (isKilled) await this.#bfd.kill();
    else await this.#bfd.stop();
    this.#bfd = await startBfd(this.pair.speaker);
    this.#ask();
  }

  async restartRouter(isKilled: boolean): Promise<void> {
    await this.pair.router.stop(isKilled ? "SIGKILL" : "SIGTERM");
    await this.pair.router.start();
  }
}

const alike = (ms: number, over: 4 | 6, hop: BfdPlan["hop"] = "single"): BfdPlan => ({
  over,
  hop,
  transmitMs: ms,
  receiveMs: ms,
  multiplier: 3,
});

/** The path is cut and mended three times. */
const cut = (id: string, title: string, plan: BfdPlan): BfdScenario => ({
  id,
  title,
  run: (kind) =>
    BfdStage.run(kind, plan, {}, async (stage) => {
      const { pair, bfd } = stage;
      await stage.settled();
      for (let round = 0; round < 3; round++) {
        const down = await stage.cutOff();
        expect(down).toMatchObject({ from: "Up", reason: "detectionTimeExpired", localDiag: 1 });
        // from the last packet on, so that it does not matter how long the command takes that cuts
        const silence = (down.at - down.lastReceivedAt) / 1_000;
        expect(silence).toBeGreaterThanOrEqual(stage.detectionMs.ours);
        expect(silence).toBeLessThan(stage.detectionMs.ours + LATE_MS);
        pair.mend();
        await stage.settled();
      }
      const downs = bfd.changes().filter((c) => c.from === "Up" && c.to === "Down").length;
      if (stage.detectionMs.ours >= TRUSTED_MS) expect(downs).toBe(3);
      else expect(downs).toBeGreaterThanOrEqual(3);
      expect(await bfd.stop()).toBe(0);
    }),
});

type Restart = (stage: BfdStage, isKilled: boolean) => Promise<void>;

/** Every other time by SIGKILL, else in order. */
const restarts = (id: string, title: string, restart: Restart): BfdScenario => ({
  id,
  title,
  timeoutMs: 60_000 + RESTARTS * 6_000,
  run: (kind) =>
    BfdStage.run(kind, alike(50, 4), {}, async (stage) => {
      await stage.settled();
      for (let round = 0; round < RESTARTS; round++) {
        await restart(stage, round % 2 === 0);
        await stage.settled();
      }
      // whoever was away knew nothing of the session before, and there is one alone
      const { status } = await stage.bfd.answer();
      expect(status?.sessions).toHaveLength(1);
    }),
});

export const scenarios: readonly BfdScenario[] = [
  cut(
    "cut300",
    "C-205 C-213 C-225 300 ms x 3 over IPv4: up, and a cut path is Down in the detection time",
    alike(300, 4),
  ),
  cut("cut50", "C-205 C-213 C-225 50 ms x 3 over IPv4: up, and a cut path is Down in the detection time", alike(50, 4)),
  cut("cut10", "C-205 C-213 C-225 10 ms x 3 over IPv4: up, and a cut path is Down in the detection time", alike(10, 4)),
  cut(
    "cut50v6",
    "C-205 C-213 C-225 50 ms x 3 over IPv6: up, and a cut path is Down in the detection time",
    alike(50, 6),
  ),
  cut(
    "cut10v6",
    "C-205 C-213 C-225 10 ms x 3 over IPv6: up, and a cut path is Down in the detection time",
    alike(10, 6),
  ),
  cut(
    "multihop",
    "C-206 multihop over IPv4, from and to loopback addresses: up, and Down in time",
    alike(50, 4, "multi"),
  ),
  cut(
    "multihop6",
    "C-206 multihop over IPv6, from and to loopback addresses: up, and Down in time",
    alike(50, 6, "multi"),
  ),
  {
    id: "asymmetric",
    title: "C-223 C-225 asymmetric timers: each side sends as the slower of both wants",
    run: (kind) => {
      const plan: BfdPlan = { ...alike(0, 4), transmitMs: 40, receiveMs: 200, multiplier: 5 };
      return BfdStage.run(kind, plan, { transmitMs: 100, receiveMs: 60, multiplier: 4 }, async (stage) => {
        expect(stage.detectionMs).toEqual({ ours: 300, theirs: 800 });
        expect(await stage.settled()).toMatchObject({ transmitInterval: 200_000, remoteDetectMult: 5 });
      });
    },
  },
  restarts(
    "routerRestarts",
    `C-215 C-216 ${RESTARTS} restarts of the router, killed and stopped in turn: always up again`,
    (stage, isKilled) => stage.restartRouter(isKilled),
  ),
  restarts(
    "ourRestarts",
    `C-215 C-216 ${RESTARTS} restarts of vipcast, killed and stopped in turn: always up again`,
    (stage, isKilled) => stage.restartOurs(isKilled),
  ),
  restarts(
    "bothRestart",
    `C-215 C-216 ${RESTARTS} restarts of both at once, the router's first and vipcast's first in turn: always up again`,
    async (stage, isRouterFirst) => {
      const [router, ours] = [() => stage.restartRouter(true), () => stage.restartOurs(true)];
      for (const restart of isRouterFirst ? [router, ours] : [ours, router]) await restart();
    },
  ),
];
