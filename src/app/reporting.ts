// The daemon's side of the reports: what its parts know, put into the words of src/reports, and when there is news. Owns the moments on
// the wall clock that reports tell of. Decides nothing; without an API server there is none of this.
import type { PlannedPeer } from "../announce/compiled.ts";
import type { DecisionEngine } from "../announce/engine.ts";
import type { Speaker } from "../bgp/speaker.ts";
import type { Millis, PeerName, ServiceKey } from "../kernel/units.ts";
import { KubeClient } from "../kube/client.ts";
import type { WatchSurroundings } from "../kube/resourceWatch.ts";
import type { ReportsView } from "../observe/kubeMetrics.ts";
import { wallOf } from "../observe/peerView.ts";
import { whyEnded } from "../observe/status.ts";
import { rfc3339 } from "../reports/configurationState.ts";
import { Reporter, type ReporterOptions } from "../reports/reporter.ts";
import type { PeerFacts } from "../reports/sessionState.ts";
import { objectKey, type StoreView } from "../sources/store.ts";
import type { ProblemBook } from "./problemBook.ts";

/** What is reported of: the daemon, as it is at the moment it is asked. */
export interface Reported {
  readonly store: StoreView;
  readonly engine: DecisionEngine;
  readonly speaker: Speaker;
  readonly problems: ProblemBook;
  readonly planned: readonly PlannedPeer[];
}

export class Reporting implements ReportsView {
  readonly reporter: Reporter;
  readonly #cluster: WatchSurroundings;
  readonly #of: Reported;
  /** When a peer's state changed last: the wall clock is read once for it, since it is set now and then. */
  readonly #since = new Map<PeerName, { readonly at: Millis; readonly text: string }>();

  constructor(options: ReporterOptions, cluster: WatchSurroundings, of: Reported) {
    this.#cluster = cluster;
    this.#of = of;
    this.reporter = new Reporter(options, {
      ...cluster,
      client: new KubeClient(cluster.transport, cluster.timers),
      problemsChanged: () => of.problems.tell(),
      known: {
        services: () => of.engine.decisions.keys(),
        decision: (service) => of.engine.decisions.get(service),
        target: (service) => this.#target(service),
        peers: () => this.#peers(),
        problems: () => of.problems.all(),
      },
    });
  }

  get writes(): ReportsView["writes"] {
    return this.reporter.writes();
  }

  get pending(): number {
    return this.reporter.pending;
  }

  get eventsDropped(): number {
    return this.reporter.eventsDropped;
  }

  #target(key: ServiceKey): { namespace: string; name: string; uid: string | null } | null {
    const service = this.#of.store.get("Service", key);
    if (service === undefined) return null;
    return { namespace: service.ref.namespace ?? "", name: service.ref.name, uid: service.uid ?? null };
  }

  /** Those that run a session first: of two that are one and the same by address, the other one is out. */
  #peers(): readonly PeerFacts[] {
    const { planned } = this.#of;
    for (const name of this.#since.keys()) if (!planned.some((p) => p.name === name)) this.#since.delete(name);
    const running = planned.filter((p) => p.config !== null);
    const others = planned.filter((p) => p.config === null);
    return [...running, ...others].flatMap((p) => this.#facts(p) ?? []);
  }

  #facts({ name, ref, config, problem }: PlannedPeer): PeerFacts | null {
    const runner = this.#of.speaker.peer(name);
    if (config !== null && runner !== undefined) {
      const isUp = runner.stateName === "Established";
      const { address, port, vrf, bfd } = config;
      return {
        name,
        address,
        interface: config.interface,
        port,
        vrf,
        bgpStatus: runner.stateName,
        bfd: bfd === null ? null : runner.state.bfd,
        since: this.#sinceOf(name, runner.state.stateChangedAt),
        lastError: (isUp ? null : problem) ?? whyEnded(runner.state.lastEnd),
      };
    }
    const object = this.#of.store.get("BGPPeer", objectKey(ref));
    if (object === undefined) return null;
    const { peerAddress: address, peerPort: port, vrf } = object;
    const none = { bgpStatus: "Idle", bfd: null, since: null, lastError: problem };
    return { name, address, interface: object.interface, port, vrf, ...none };
  }

  #sinceOf(name: PeerName, at: Millis): string {
    const known = this.#since.get(name);
    if (known?.at === at) return known.text;
    const { clock } = this.#cluster;
    const text = rfc3339(wallOf(at, clock.now(), clock.wall()));
    this.#since.set(name, { at, text });
    return text;
  }
}
