// What the matrix asks of a router, whoever made it: the interfaces and the addresses of the lab. Knows no router and no
// scenario. Contract: a router keeps its configuration over stop and start; what it cannot do is declared, with the reason.
import type { Host } from "../../../lab/lab.ts";
import type { Family, RouteTable } from "../../../lab/routes.ts";
import type { LogSource } from "../../../lab/waitFor.ts";
import type { Declared } from "../suite.ts";

/** Both ends of the one link; the number is the IP version. */
export const ADDRESSES = {
  4: { speaker: "192.0.2.1", router: "192.0.2.2", length: 30 },
  6: { speaker: "2001:db8:0:1::1", router: "2001:db8:0:1::2", length: 64 },
} as const;

export const ROUTER_ID = "192.0.2.2";

/** The session from the router's side. */
export interface Plan {
  /** IP version of the session. */
  readonly over: 4 | 6;
  readonly speakerAsn: number;
  readonly routerAsn: number;
  readonly families: readonly Family[];
  readonly password: string | null;
  /** Prefixes the router advertises to us. */
  readonly advertises: readonly string[];
  /** Whether the router dials, too; it always listens. */
  readonly dials: boolean;
  /** TTL 255 sent and demanded (RFC 5082). */
  readonly gtsm: boolean;
  /** The router is told to help peers that restart (RFC 4724), where that needs telling. */
  readonly gracefulRestart: boolean;
}

export const addressesOf = (plan: Plan): { readonly speaker: string; readonly router: string } => ADDRESSES[plan.over];

export interface MatrixRouter extends LogSource {
  start(): Promise<void>;
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Every BGP route of a family, own ones included. */
  bgpRoutes(family: Family): Promise<RouteTable>;
  /** Routes learned from the speaker, over all families; cheap. */
  learned(): Promise<number>;
  isEstablished(): Promise<boolean>;
  /** Asks the speaker for its routes again. */
  refresh(): Promise<void>;
  /** Ends the session as an operator does, with a text (RFC 9003) where it can. */
  shutdown(text: string): Promise<void>;
  /** Makes it forget that the session was lost, where it would else refuse the next one for long. */
  forgive?(): Promise<void>;
  /** Where it shows the text of the speaker's last Cease. */
  heard(): Promise<string>;
}

export interface RouterKind extends Declared {
  /** Prefixes it can be made to advertise in reasonable time. */
  readonly maxAdvertised: number;
  /** Best routes go into the kernel of its host. */
  readonly installsRoutes: boolean;
  launch(host: Host, plan: Plan): Promise<MatrixRouter>;
}
