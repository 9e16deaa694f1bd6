// What the BFD matrix asks of a router, whoever made it. Knows no router and no scenario.
// Contract: a router keeps its configuration over a kill and a start; what it cannot do is declared, with the reason.
import type { Host } from "../../../lab/lab.ts";
import { ROUTER, SPEAKER } from "../../../lab/topologies/bfdPair.ts";
import type { LogSource } from "../../../lab/waitFor.ts";
import type { Declared } from "../suite.ts";

/** The one session, from the router's side. */
export interface BfdPlan {
  /** IP version of the session. */
  readonly over: 4 | 6;
  readonly hop: "single" | "multi";
  /** Milliseconds. */
  readonly transmitMs: number;
  readonly receiveMs: number;
  readonly multiplier: number;
}

/** Of a multihop session those of the loopback interfaces. */
export function addressesOf({ over, hop }: BfdPlan): { readonly speaker: string; readonly router: string } {
  const end = hop === "single" ? (over === 4 ? "v4" : "v6") : over === 4 ? "loopback" : "loopback6";
  return { speaker: SPEAKER[end], router: ROUTER[end] };
}

/** The session as the router sees it. */
export interface Seen {
  readonly isUp: boolean;
  /** Milliseconds until it takes our silence for Down. */
  readonly patienceMs: number;
}

export interface BfdRouter extends LogSource {
  start(): Promise<void>;
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** null: it has no session. */
  seen(): Promise<Seen | null>;
}

export interface BfdRouterKind extends Declared {
  /** Lowest TTL of its multihop packets, which our profile must not demand more than. */
  readonly multihopTtl: number;
  launch(host: Host, plan: BfdPlan): Promise<BfdRouter>;
}
