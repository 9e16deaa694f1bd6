// Decisions and facts for tests of reports, with nothing in them that is not looked at.
import type { Contribution, ServiceDecision } from "../../src/announce/service.ts";
import { parseIp } from "../../src/kernel/ip.ts";
import { PeerName } from "../../src/kernel/units.ts";
import type { PeerFacts } from "../../src/reports/sessionState.ts";

/** @param peers that get a route, by contribution; none: withdrawn for want of endpoints */
export function decision(peers: readonly (string | readonly string[])[]): ServiceDecision {
  const contributions = peers.map((p) => ({ peers: [p].flat().map(PeerName) }) as unknown as Contribution);
  const common = { vips: ["192.0.2.1"], pool: "p", contributions, problems: [] };
  if (peers.length > 0) return { ...common, announced: true, reason: null, detail: null, cause: null };
  const ref = { kind: "Service", namespace: "default", name: "web" };
  const detail = "no EndpointSlice of Service default/web has a ready endpoint";
  return { ...common, announced: false, reason: "noEndpoints", detail, cause: { ref, path: "" } };
}

export const facts = (name: string, address: string, over: Partial<PeerFacts> = {}): PeerFacts => ({
  name,
  address: parseIp(address),
  interface: null,
  port: 179,
  vrf: null,
  bgpStatus: "Established",
  bfd: null,
  since: "2026-01-31T12:00:00Z",
  lastError: null,
  ...over,
});
