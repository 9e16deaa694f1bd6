// Random life of a cluster: Services that come, go and flip, and an API server with every fault it knows. Owns the seed and the counts.
// Knows nothing of who follows. Contract: the same seed makes the same calls; after `calm` no fault is left that would not pass by itself
// within half a minute.
import { setTimeout as sleep } from "node:timers/promises";
import type { LabApiServer } from "../../lab/apiServer.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { node } from "./kubeStage.ts";
import { advertisement, type Manifest, NODE, service } from "./support.ts";

const SERVICES = 40;

type Act = readonly [name: string, weight: number, run: () => Promise<unknown>];

export class KubeChurn {
  readonly #api: LabApiServer;
  readonly #counts = new Map<string, number>();
  readonly #seed: number;
  #state: number;
  readonly #changes: readonly Act[];
  readonly #faults: readonly Act[];
  /** Faults in the order of a shuffled round, so that a short run meets each of them, too. */
  #round: Act[] = [];

  constructor(api: LabApiServer, seed: number) {
    this.#api = api;
    this.#seed = seed;
    this.#state = seed >>> 0;
    const services = () => this.#below(SERVICES);
    this.#changes = [
      ["endpoint flips", 30, () => this.#apply(this.#slice(services()))],
      ["services deleted", 2, () => this.#remove("Service", `s${services()}`)],
      ["slices deleted", 2, () => this.#remove("EndpointSlice", `s${services()}-1`)],
      ["services written", 5, () => this.#apply(...this.#service(services()))],
      ["node labels", 1, () => this.#apply(node({ rack: this.#one("a", "b") }))],
      ["advertisements", 1, () => this.#apply(advertisement({ communities: [`65001:${1 + this.#below(3)}`] }))],
    ];
    const watches = { verb: "watch" } as const;
    this.#faults = [
      ["connections cut", 1, () => api.cut()],
      ["watches closed", 1, () => api.closeWatches()],
      ["history compacted, watches gone", 1, () => this.#compact(() => api.closeWatches(undefined, "gone"))],
      ["history compacted, connections cut", 1, () => this.#compact(() => api.cut())],
      ["429", 1, () => this.#armed({ type: "status", code: 429, retryAfterSeconds: 1 }, watches, 4)],
      ["500", 1, () => this.#armed({ type: "status", code: 500 }, watches, 4)],
      ["slow octets", 1, () => this.#armed({ type: "slow", bytes: 5, everyMs: 1 }, watches, 12)],
      ["odd chunks", 1, () => this.#armed({ type: "chunks", sizes: [1, 2, 3, 50] }, watches, 12)],
      ["answers cut short", 1, () => this.#armed({ type: "cut", afterBytes: 300 }, watches, 4)],
      ["stalled, then cut", 1, () => this.#stall()],
      ["server restarted", 1, () => this.#restart()],
    ];
  }

  /** The Services that there are at first. */
  async begin(): Promise<void> {
    await this.#api.apply(...Array.from({ length: SERVICES }, (_, i) => this.#service(i)).flat());
  }

  change(): Promise<void> {
    return this.#act(this.#weighted(this.#changes));
  }

  /** Once the flips are followed again after the fault before. */
  async fault(): Promise<void> {
    const followed = () => this.#api.watches("endpointslices");
    await waitFor("a watch of the slices", followed, (n) => n > 0, { timeoutMs: 60_000 });
    if (this.#round.length === 0) this.#round = this.#shuffled(this.#faults);
    const act = this.#round.pop();
    if (act === undefined) throw new Error("there is no fault");
    await this.#act(act);
  }

  /** What is half-open is cut; everything else passes by itself. */
  async calm(): Promise<void> {
    await this.#api.cut();
  }

  summary(): string {
    const counts = [...this.#counts].sort().map(([name, n]) => `${n} ${name}`);
    return `seed ${this.#seed}: ${counts.join(", ")}`;
  }

  async #act([name, , run]: Act): Promise<void> {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    await run();
  }

  async #apply(...objects: readonly Manifest[]): Promise<void> {
    await this.#api.apply(...objects);
  }

  /** It may be gone already. */
  async #remove(kind: string, name: string): Promise<void> {
    await this.#api.delete(kind, "default", name).catch(() => {});
  }

  async #compact(end: () => Promise<void>): Promise<void> {
    // a change that only a list can tell of: the history of it is gone before anybody hears
    await this.#api.stall();
    await this.#apply(this.#slice(this.#below(SERVICES)));
    await this.#remove("Service", `s${this.#below(SERVICES)}`);
    await this.#api.compact();
    await end();
    await this.#api.cut();
  }

  /** Meets the watches that follow: those that stand are ended. */
  async #armed(...[fault, target, times]: Parameters<LabApiServer["fault"]>): Promise<void> {
    const armed = await this.#api.fault(fault, target, times);
    await this.#api.cut();
    const hits = () => this.#api.hits(armed);
    await waitFor(`the fault ${fault.type}`, hits, (n) => n > 0, { timeoutMs: 60_000 });
  }

  async #stall(): Promise<void> {
    await this.#api.stall();
    await this.change();
    await this.change();
    await this.#api.cut();
  }

  async #restart(): Promise<void> {
    await this.#api.stop();
    await this.change();
    await sleep(this.#below(400));
    await this.change();
    await this.#api.listen();
  }

  #service(i: number): readonly Manifest[] {
    const policy = this.#one("Cluster", "Local");
    const [object = {}] = service(`s${i}`, `198.51.100.${i + 1}`, { policy });
    return [object, this.#slice(i)];
  }

  #slice(i: number): Manifest {
    const ready = this.#below(2) === 0;
    const on = this.#one(NODE, NODE, "node-2");
    const [, slice = {}] = service(`s${i}`, "", { conditions: { ready }, node: on });
    return slice;
  }

  #one<T>(...choices: readonly T[]): T {
    const choice = choices[this.#below(choices.length)];
    if (choice === undefined) throw new Error("nothing to choose from");
    return choice;
  }

  #weighted(acts: readonly Act[]): Act {
    let left = this.#below(acts.reduce((sum, [, weight]) => sum + weight, 0));
    const found = acts.find(([, weight]) => {
      left -= weight;
      return left < 0;
    });
    if (found === undefined) throw new Error("weights do not add up");
    return found;
  }

  #shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.#below(1 << 20) }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }

  /** A whole number from 0, below `limit`: a linear congruence is random enough to choose by, and the same everywhere. */
  #below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
}
