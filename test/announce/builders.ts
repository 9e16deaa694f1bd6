// Objects for the tests of the decision: small builders with the defaults of the API, every field overridable. Owns no rule.
// Contract: what is not given is as if the manifest did not mention it; `order` counts up unless given.
import type { DecisionOptions } from "../../src/announce/compiled.ts";
import type {
  AddressRange,
  AddressRequest,
  BFDProfileObject,
  BGPAdvertisementObject,
  BGPPeerObject,
  CommunityObject,
  EndpointObject,
  EndpointSliceObject,
  IPAddressPoolObject,
  LabelSelector,
  Labels,
  Meta,
  ModelObject,
  NodeObject,
  SecretObject,
  ServiceObject,
  SitePolicyObject,
} from "../../src/announce/model.ts";
import { type Ip, parseIp, parsePrefix } from "../../src/kernel/ip.ts";
import { invariant } from "../../src/kernel/result.ts";
import { Asn, Millis, ServiceKey } from "../../src/kernel/units.ts";
import { ObjectStore } from "../../src/sources/store.ts";

export const NS = "metallb-system";

export const options = (over: Partial<DecisionOptions> = {}): DecisionOptions => ({
  nodeName: "n1",
  lbClass: "",
  ignoreExcludeLb: false,
  routerId: null,
  ...over,
});

export const storeOf = (...objects: readonly ModelObject[]): ObjectStore => {
  const store = new ObjectStore();
  for (const o of objects) store.put(o);
  return store;
};

export const ip = (text: string): Ip => {
  const parsed = parseIp(text);
  invariant(parsed !== null, `test address ${text}`);
  return parsed;
};

export const labels = (record: Readonly<Record<string, string>>): Labels => new Map(Object.entries(record));

export const withLabels = (record: Readonly<Record<string, string>>): LabelSelector => ({
  matchLabels: Object.entries(record),
  matchExpressions: [],
});

export const onNode = (name: string): LabelSelector => withLabels({ "kubernetes.io/hostname": name });

let order = 0;
const meta = (kind: string, namespace: string | null, name: string): Meta => ({
  ref: { kind, namespace, name },
  createdAt: null,
  order: order++,
  labels: new Map(),
});

/** As in a manifest that says nothing of addresses. */
export const request = (over: Partial<AddressRequest> = {}): AddressRequest => ({
  fault: null,
  clusterIps: [],
  families: [],
  policy: null,
  loadBalancerIp: null,
  ports: ["TCP/80"],
  backendKey: "",
  ...over,
});

export const service = (name: string, ips: readonly string[], over: Partial<ServiceObject> = {}): ServiceObject => ({
  ...meta("Service", "default", name),
  kind: "Service",
  key: ServiceKey("default", name),
  annotations: new Map(),
  settings: {},
  type: "LoadBalancer",
  loadBalancerClass: null,
  externalTrafficPolicy: "Cluster",
  request: request(),
  ingress: ips.map((text) => ({ ip: text })),
  ...over,
});

export const endpoint = (over: Partial<EndpointObject> = {}): EndpointObject => ({
  hasAddresses: true,
  ready: true,
  serving: null,
  nodeName: "n1",
  ...over,
});

export const slice = (
  serviceName: string,
  endpoints: readonly EndpointObject[] = [endpoint()],
  over: Partial<EndpointSliceObject> = {},
): EndpointSliceObject => ({
  ...meta("EndpointSlice", "default", `${serviceName}-1`),
  kind: "EndpointSlice",
  service: ServiceKey("default", serviceName),
  addressType: "IPv4",
  endpoints,
  ...over,
});

export const node = (name: string, over: Partial<NodeObject> = {}): NodeObject => ({
  ...meta("Node", null, name),
  kind: "Node",
  labels: labels({ "kubernetes.io/hostname": name }),
  networkUnavailable: false,
  internalIps: [],
  isUnschedulable: false,
  taintKeys: [],
  ...over,
});

const range = (text: string, path: string): AddressRange => {
  const cidr = parsePrefix(text);
  if (cidr !== null) {
    const bits = (from: number): number => Math.min(32, Math.max(0, from - cidr.length));
    const fill = (word: number, hostBits: number): number =>
      (hostBits >= 32 ? 0xffff_ffff : word | (2 ** hostBits - 1)) >>> 0;
    const { version, w0, w1, w2, w3 } = cidr;
    const last: Ip =
      version === 4
        ? { version, w0: fill(w0, bits(32)), w1: 0, w2: 0, w3: 0 }
        : { version, w0: fill(w0, bits(32)), w1: fill(w1, bits(64)), w2: fill(w2, bits(96)), w3: fill(w3, bits(128)) };
    return { first: { version, w0, w1, w2, w3 }, last, shortestMask: cidr.length, text, path };
  }
  const [first = "", last = ""] = text.split("-");
  const whole = ip(first).version === 4 ? 32 : 128;
  return { first: ip(first), last: ip(last), shortestMask: whole, text, path };
};

export const pool = (
  name: string,
  addresses: readonly string[],
  over: Partial<IPAddressPoolObject> = {},
): IPAddressPoolObject => ({
  ...meta("IPAddressPool", NS, name),
  kind: "IPAddressPool",
  addresses: addresses.map((text, i) => range(text, `spec.addresses[${i}]`)),
  autoAssign: true,
  avoidBuggyIPs: false,
  allocation: null,
  settings: {},
  ...over,
});

export const adv = (name: string, over: Partial<BGPAdvertisementObject> = {}): BGPAdvertisementObject => ({
  ...meta("BGPAdvertisement", NS, name),
  kind: "BGPAdvertisement",
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: null,
  communities: [],
  ipAddressPools: [],
  ipAddressPoolSelectors: [],
  nodeSelectors: [],
  peers: [],
  serviceSelectors: [],
  settings: {},
  ...over,
});

/** External peer 64512 -> 64513 unless overridden. */
export const peer = (name: string, address: string, over: Partial<BGPPeerObject> = {}): BGPPeerObject => ({
  ...meta("BGPPeer", NS, name),
  kind: "BGPPeer",
  myAsn: 64512,
  peerAsn: 64513,
  dynamicAsn: null,
  localAsn: null,
  peerAddress: ip(address),
  interface: null,
  sourceAddress: null,
  peerPort: 179,
  holdTime: null,
  keepaliveTime: null,
  connectTime: null,
  routerId: null,
  nodeSelectors: [],
  password: null,
  passwordSecret: null,
  bfdProfile: null,
  enableGracefulRestart: false,
  ebgpMultiHop: false,
  vrf: null,
  disableMP: false,
  dualStackAddressFamily: false,
  settings: {},
  ...over,
});

export const community = (
  name: string,
  aliases: Readonly<Record<string, string>>,
  over: Partial<CommunityObject> = {},
): CommunityObject => ({
  ...meta("Community", NS, name),
  kind: "Community",
  aliases: Object.entries(aliases).map(([alias, value], i) => ({
    name: alias,
    value,
    path: `spec.communities[${i}]`,
  })),
  ...over,
});

export const bfdProfile = (name: string, over: Partial<BFDProfileObject> = {}): BFDProfileObject => ({
  ...meta("BFDProfile", NS, name),
  kind: "BFDProfile",
  receiveInterval: 300,
  transmitInterval: 300,
  detectMultiplier: 3,
  echoInterval: 50,
  echoMode: false,
  passiveMode: false,
  minimumTtl: 254,
  ...over,
});

export const secret = (name: string, over: Partial<SecretObject> = {}): SecretObject => ({
  ...meta("Secret", NS, name),
  kind: "Secret",
  type: "kubernetes.io/basic-auth",
  password: "s3cret",
  ...over,
});

export const policyObject = (name: string, over: Partial<SitePolicyObject> = {}): SitePolicyObject => ({
  ...meta("SitePolicy", NS, name),
  kind: "SitePolicy",
  site: "a",
  siteId: 1,
  nodeSelectors: [],
  serviceSelectors: [],
  ipAddressPools: [],
  rank: 1,
  whenNotPreferred: "conditional",
  rankEncoding: [],
  standbyEncoding: { communities: [], localPref: 0, med: null, asPathPrepend: 3 },
  ownershipAsn: Asn(65000),
  witnesses: [],
  quorum: null,
  startupGuard: Millis(10_000),
  takeoverDelay: Millis(1000),
  leaveDelay: Millis(2000),
  whenBlind: "announce",
  failback: null,
  epoch: null,
  ...over,
});
