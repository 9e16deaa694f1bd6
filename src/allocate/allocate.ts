// The allocation as one plain function: who gets which address, from the objects and what is held already. Owns nothing of its own: it is the
// incremental engine run once, and the property tests hold the two together. Must not remember anything.
import type { ConfigProblem } from "../kernel/problem.ts";
import type { ServiceKey } from "../kernel/units.ts";
import type { StoreView } from "../sources/store.ts";
import { AllocationEngine, type Remembered } from "./engine.ts";
import type { AllocationEvent, AllocationOptions, PoolCounters, ServiceAllocation } from "./model.ts";

export interface Outcome {
  /** Every service of type LoadBalancer and of our class. */
  readonly allocations: ReadonlyMap<ServiceKey, ServiceAllocation>;
  /** What happened to whom, in order. */
  readonly events: ReadonlyMap<ServiceKey, readonly AllocationEvent[]>;
  readonly counters: readonly PoolCounters[];
  readonly problems: readonly ConfigProblem[];
}

/** @param held what is remembered from before; where it says nothing, status.loadBalancer.ingress counts */
export function allocate(
  store: StoreView,
  options: AllocationOptions,
  held: ReadonlyMap<ServiceKey, Remembered> = new Map(),
): Outcome {
  const events = new Map<ServiceKey, readonly AllocationEvent[]>();
  const sink = {
    allocated: (
      key: ServiceKey,
      _before: ServiceAllocation | undefined,
      _after: ServiceAllocation | undefined,
      news: readonly AllocationEvent[],
    ) => void events.set(key, [...(events.get(key) ?? []), ...news]),
  };
  const engine = new AllocationEngine(store, options, sink, held);
  engine.run();
  const problems = [...engine.poolProblems, ...engine.problems()];
  return { allocations: engine.allocations, events, counters: engine.counters(), problems };
}
