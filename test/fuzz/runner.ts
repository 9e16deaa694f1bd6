// A fuzzer for one whole peer: octets are read as a script of what the network, the clock and the operator do to a PeerRunner,
// and the runner must neither report a defect nor keep more than it should. Owns the script's language and the limits.
// Contract: the same octets give the same run, so that a failure is a row in the corpus.
import type { Connection, ConnectionHandlers, Network } from "../../src/bgp/network.ts";
import { PeerRunner } from "../../src/bgp/peerRunner.ts";
import type { FsmStateName } from "../../src/bgp/session/fsm.ts";
import { encodeMessage } from "../../src/bgp/wire/codec.ts";
import { cease } from "../../src/bgp/wire/notification.ts";
import { fromHex } from "../../src/kernel/text.ts";
import { Millis, Seconds } from "../../src/kernel/units.ts";
import { address, configWith, OPEN } from "../bgp/session/fixtures.ts";
import { attributes, vip } from "../bgp/sim/speakers.ts";
import { seeded } from "../bgp/sim/world.ts";
import { SEEDS } from "./fuzz.ts";

/** Octets that may wait for a socket that takes nothing: control messages only, UPDATEs are pulled. */
const MAX_WAITING = 64 * 1024;
const SLAB = new Uint8Array(65_536);
const US = address(192, 0, 2, 9);
const THEM = address(192, 0, 2, 1);

class Wire implements Connection {
  readonly handlers: ConnectionHandlers;
  isOver = false;
  constructor(handlers: ConnectionHandlers) {
    this.handlers = handlers;
  }
  wake(): void {}
  finish(): void {
    this.take();
    this.isOver = true;
  }
  abort(): void {
    this.isOver = true;
  }
  /** The kernel takes all there is. @returns octets */
  take(): number {
    let sum = 0;
    for (let n = this.handlers.fill(SLAB); n > 0; n = this.handlers.fill(SLAB)) {
      sum += n;
      if (!this.isOver) this.handlers.sent(n);
    }
    return sum;
  }
}

/** What the peer says in order to come up, and whole sound messages of every kind. */
const WORDS: readonly Uint8Array[] = [
  encodeMessage(OPEN),
  encodeMessage({ type: "keepalive" }),
  ...SEEDS.map((text) => fromHex(text) ?? new Uint8Array(0)),
];

class Stage {
  now = 0;
  readonly wires: Wire[] = [];
  readonly defects: unknown[] = [];
  readonly reached = new Set<FsmStateName>(["Idle"]);
  readonly #timers = new Set<{ at: number; callback: () => void }>();
  readonly runner: PeerRunner;

  constructor(seed: number) {
    const network: Network = {
      connect: (_options, handlers) => {
        const wire = new Wire(handlers);
        this.wires.push(wire);
        return wire;
      },
    };
    this.runner = new PeerRunner(configWith({ opens: "both" }), {
      clock: { now: () => Millis(this.now), wall: () => this.now },
      timers: {
        after: (delay, callback) => {
          const timer = { at: this.now + delay, callback };
          this.#timers.add(timer);
          return { cancel: () => this.#timers.delete(timer) };
        },
      },
      random: seeded(seed),
      network,
      observer: {
        stateChanged: (_runner, _from, to) => this.reached.add(to),
        ended() {},
        updateFaults() {},
        defect: (_runner, error) => this.defects.push(error),
      },
    });
  }

  get timers(): number {
    return this.#timers.size;
  }

  get open(): readonly Wire[] {
    return this.wires.filter((w) => !w.isOver);
  }

  dial(): void {
    this.runner.offer(THEM, US, (handlers) => {
      const wire = new Wire(handlers);
      this.wires.push(wire);
      return wire;
    });
  }

  pass(time: number): void {
    const end = this.now + time;
    for (let fired = 0; fired < 1_000; fired++) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.now = Math.max(this.now, next.at);
      this.#timers.delete(next);
      next.callback();
    }
    this.now = end;
  }
}

/** What is wrong with the way a runner lives through the script, or null. */
export const tryRunner = (script: Uint8Array): string | null => play(script, new Stage(script[0] ?? 0));

/** The states that a script leads through. */
export function statesOf(script: Uint8Array): ReadonlySet<FsmStateName> {
  const stage = new Stage(script[0] ?? 0);
  play(script, stage);
  return stage.reached;
}

function play(script: Uint8Array, stage: Stage): string | null {
  let at = 1;
  const next = (): number => script[at++] ?? 0;
  const { runner } = stage;
  const wire = (): Wire | undefined => stage.open[next() % Math.max(1, stage.open.length)];
  const say = (bytes: Uint8Array): void => {
    const to = wire();
    if (to !== undefined) to.handlers.data(bytes);
  };
  try {
    runner.start();
    runner.settled();
    while (at < script.length) {
      switch (next() % 16) {
        case 0:
        case 1:
          wire()?.handlers.connected(US);
          break;
        case 2:
          stage.dial();
          break;
        case 3:
        case 4:
          say(WORDS[0] ?? script);
          break;
        case 5:
        case 6:
          say(WORDS[1] ?? script);
          break;
        case 7:
        case 8:
          say(WORDS[next() % WORDS.length] ?? script);
          break;
        case 9: {
          const size = next();
          say(script.subarray(at, at + size));
          at += size;
          break;
        }
        case 10: {
          const whole = WORDS[next() % WORDS.length] ?? script;
          say(whole.subarray(0, next() % (whole.length + 1)));
          break;
        }
        case 11:
          stage.pass(next() * 4 ** (next() % 8));
          break;
        case 12:
          wire()?.take();
          break;
        case 13: {
          const gone = wire();
          if (gone === undefined) break;
          gone.isOver = true;
          gone.handlers.closed("gone");
          break;
        }
        case 14:
          for (let n = next() % 20; n > 0; n--) runner.want(vip(next()), n % 3 === 0 ? null : attributes(n));
          runner.settled();
          runner.flush();
          break;
        default:
          operate(runner, next());
      }
      if (stage.open.length > 2) return `${stage.open.length} connections are open`;
      if (stage.timers > 1) return `${stage.timers} timers run`;
    }
    for (const left of stage.open) {
      const waiting = left.take();
      const routes = [...runner.ribs().values()].reduce((n, rib) => n + rib.wantedCount, 0);
      if (waiting > MAX_WAITING + 200 * routes) return `${waiting} octets were waiting`;
    }
    runner.remove(cease(3), "the end");
    if (stage.open.length > 0 || stage.timers > 0)
      return `${stage.open.length} connections, ${stage.timers} timers stay`;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const [defect] = stage.defects;
  return defect === undefined ? null : defect instanceof Error ? (defect.stack ?? defect.message) : String(defect);
}

function operate(runner: PeerRunner, choice: number): void {
  if (choice < 100) runner.clearHold();
  else if (choice < 160) runner.reconfigure(configWith({ opens: "both", holdTime: Seconds(choice % 2 === 0 ? 0 : 9) }));
  else if (choice < 200) runner.restate(runner.config);
}
