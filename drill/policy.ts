// What the drill's speakers and their witness run with where a SitePolicy governs the VIP. Owns these manifests, and the start of
// the witness. Knows nothing of scenarios. Contract: claims travel through the witness alone; the routers know of ranks only
// what the communities of the route tell them.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  ASN,
  BFD_INTERVAL,
  PASSWORD,
  RANKS,
  type SiteName,
  type TwoSites,
  WITNESS,
  WITNESS_ASN,
  type WorkerName,
} from "../lab/topologies/twoSites.ts";
import { startVipcast, type Vipcast } from "../lab/vipcast.ts";
import type { SpeakerSetup } from "./speakers.ts";

export const siteOf = (name: WorkerName): SiteName => (name.startsWith("p") ? "primary" : "recovery");

/** Every site has its endpoint, and the policy decides who announces. The primary site has rank 1, the recovery site rank 2. */
export const governed =
  (whenNotPreferred: "conditional" | "withhold" | "deprioritize") =>
  (name: WorkerName): SpeakerSetup => ({
    serves: true,
    extraManifests: { "witness.yaml": WITNESS_PEER, "policy.yaml": policy(siteOf(name), whenNotPreferred) },
  });

/** Between speakers and the witness; the speakers open the sessions. */
const peer = (
  name: string,
  from: number,
  to: number,
  address: string,
  annotations: string,
): string => `apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: ${name}, namespace: metallb-system, annotations: { ${annotations} } }
spec:
  myASN: ${from}
  peerASN: ${to}
  peerAddress: ${address}
  ebgpMultiHop: true
  holdTime: 3s
  keepaliveTime: 1s
  connectTime: 1s
  bfdProfile: witness
  passwordSecret: { name: router-key }
`;

/** Two routers stand between a worker and the witness: packets arrive with TTL 253, and the default asks for 254. */
const BFD_PROFILE = `apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: { name: witness, namespace: metallb-system }
spec: { transmitInterval: ${BFD_INTERVAL}, receiveInterval: ${BFD_INTERVAL}, detectMultiplier: 3, minimumTtl: 253 }
`;

const WITNESS_PEER = [
  BFD_PROFILE,
  peer("witness", ASN, WITNESS_ASN, WITNESS, '"vipcast.io/keep-received": "true"'),
].join("---\n");

const policy = (site: SiteName, whenNotPreferred: string): string => `apiVersion: vipcast.io/v1alpha1
kind: SitePolicy
metadata: { name: web, namespace: metallb-system }
spec:
  site: ${site}
  siteID: ${site === "primary" ? 1 : 2}
  rank: ${site === "primary" ? 1 : 2}
  whenNotPreferred: ${whenNotPreferred}
  rankEncoding: [{ rank: 2, communities: ["${RANKS[0].community}"] }]
${whenNotPreferred === "deprioritize" ? `  standbyEncoding: { communities: ["${RANKS[0].community}"] }\n` : ""}  ownership: { asn: ${ASN} }
  witnesses: [witness]
`;

const KEY = `apiVersion: v1
kind: Secret
metadata: { name: router-key, namespace: metallb-system }
type: kubernetes.io/basic-auth
stringData: { password: ${PASSWORD} }
`;

/** A vipcast in the role of the witness, on the host of that name. */
export function startWitness({ witness, workers }: TwoSites): Vipcast {
  const manifests = join(witness.dir, "manifests");
  mkdirSync(manifests, { recursive: true });
  const peers = Object.values(workers).map((w) =>
    peer(w.name, WITNESS_ASN, ASN, w.address, '"vipcast.io/opens": "peer"'),
  );
  writeFileSync(join(manifests, "peers.yaml"), [KEY, BFD_PROFILE, ...peers].join("---\n"));
  return startVipcast(witness, {
    manifests,
    nodeName: "witness",
    extraArgs: ["--witness", "--listen", "0.0.0.0:179", "--router-id", WITNESS],
  });
}
