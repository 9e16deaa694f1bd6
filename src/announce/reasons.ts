// The closed lists of words that say why a service is not announced on a node, or not at one peer of it. Owns the words, one line
// of help and one of cure each. The words of MetalLB's speaker are kept as they are (log parsers know them); ours are the last
// group. Knows nothing of how a decision is made. Contract: a word, once released, is never renamed; `detail` has the specifics.

export const reasons = {
  serviceDeleted: "The Service no longer exists.",
  notLoadBalancer: "spec.type of the Service is not LoadBalancer.",
  noIPAllocated: "status.loadBalancer.ingress is empty: wait for the allocator, or look at the events of the Service.",
  invalidIP: "An entry of status.loadBalancer.ingress has no usable ip (entries with only a hostname count too).",
  ipNotAllowed: "No single IPAddressPool contains all addresses of the Service.",
  internalError: "The speaker failed to decide about this Service; its log says why. Please report it.",
  loadBalancerIPChanged:
    "The addresses of the Service changed: the old ones are withdrawn before the new ones are announced.",
  notOwner: "No BGPAdvertisement of the pool selects this node.",
  noMatchingAdvertisement:
    "BGPAdvertisements of the pool select this node, but none selects this Service by its labels.",
  conflictingAdvertisements: "Two BGPAdvertisements ask for different localPref on the same prefix to the same peers.",
  nodeNetworkUnavailable: "The Node has condition NetworkUnavailable with status True.",
  nodeLabeledExcludeBalancers: "The Node carries the label node.kubernetes.io/exclude-from-external-load-balancers.",
  nodeDrained: "This node is drained: everything is withdrawn while its sessions stand.",
  noLocalEndpoints: "externalTrafficPolicy is Local and no endpoint on this node is ready or serving.",
  noFamilyEndpoints:
    "vipcast.io/require-family-endpoints is set, and the endpoints that are ready or serving are of the other address family.",
  announceDelayed: "Endpoints are ready, but not yet for as long as vipcast.io/announce-delay asks for.",
  noEndpoints: "No endpoint of the Service is ready or serving.",
  otherLoadBalancerClass: "spec.loadBalancerClass of the Service is not the one this speaker serves.",
  siteGuarded: "A SitePolicy governs the Service, and the routes of its witnesses have not been read completely yet.",
  siteNotPreferred: "A SitePolicy governs the Service, and another site serves it, or this one waits to be promoted.",
  siteConflictLost: "A SitePolicy governs the Service; this site served it, and another one has the stronger claim.",
  siteDemoted: "A SitePolicy governs the Service, and an operator sent it to another site, which has not taken it yet.",
  siteBlind: "A SitePolicy governs the Service, and too few witnesses are seen to tell whether another site serves it.",
  noPeers: "Everything else is fine, but no BGPPeer of this node that runs a session gets any of the prefixes.",
} as const satisfies Readonly<Record<string, string>>;

export type Reason = keyof typeof reasons;

/** What to do about each; one sentence. */
const cures: Readonly<Record<Reason, string>> = {
  serviceDeleted: "Create the Service again if it should be announced.",
  notLoadBalancer: "Set spec.type to LoadBalancer.",
  noIPAllocated: "Let the allocator give it an address, or write status.loadBalancer.ingress in the manifest.",
  invalidIP: "Give every entry of status.loadBalancer.ingress an ip.",
  ipNotAllowed: "Put all its addresses into one IPAddressPool, or give it addresses of one pool.",
  internalError: "Report it, with the log of this moment.",
  loadBalancerIPChanged: "Wait: the new addresses follow at once.",
  notOwner: "Let a BGPAdvertisement select the pool and, by spec.nodeSelectors, this node; mend the one that is named.",
  noMatchingAdvertisement: "Widen spec.serviceSelectors of the BGPAdvertisement, or label the Service to match.",
  conflictingAdvertisements: "Give both the same localPref, or keep their services, peers or prefix lengths apart.",
  nodeNetworkUnavailable: "See why the node's network is down: the condition is set by its network plugin.",
  nodeLabeledExcludeBalancers: "Remove the label, or start with --ignore-exclude-lb.",
  nodeDrained:
    "Run `vipcast undrain`, or take away what drains it: the cordon or the taint; `vipcast status` says which.",
  noLocalEndpoints: "Run a ready endpoint on this node, or set spec.externalTrafficPolicy to Cluster.",
  noFamilyEndpoints: "Give the Service endpoints of that family, or take the annotation away.",
  announceDelayed: "Wait, or shorten the delay.",
  noEndpoints: "See why no endpoint is ready: its EndpointSlices list none that is ready or serving.",
  otherLoadBalancerClass: "Start with --lb-class of that class, or change spec.loadBalancerClass.",
  siteGuarded: "Wait for the start-up guard, or see with `vipcast peers` why a witness has not sent its End-of-RIB.",
  siteNotPreferred: "Nothing, if the other site is to serve; else `vipcast site promote`.",
  siteConflictLost: "Nothing, if the other site is to serve; else `vipcast site promote`.",
  siteDemoted: "See why no other site takes over, or `vipcast site promote` to take it back.",
  siteBlind: "Bring the sessions with the witnesses up, or `vipcast site promote` if no other site serves.",
  noPeers: "See the answer for each peer; where there is none, let a BGPPeer select this node.",
};

/** Why one peer has not got a route that others have, or would have. First what the configuration says, then the session. */
export const peerReasons = {
  peerNotSelected: {
    help: "spec.nodeSelectors of the BGPPeer do not select this node.",
    cure: "Widen spec.nodeSelectors of the BGPPeer, or label the Node.",
  },
  peerNotUsed: {
    help: "The BGPPeer runs no session, because something in its configuration is wrong.",
    cure: "Mend what is named; the session starts by itself.",
  },
  peerNotNamed: {
    help: "The BGPAdvertisements that select the Service name other peers.",
    cure: "Add the peer to spec.peers of the BGPAdvertisement, or leave the list empty for all.",
  },
  familyNotConfigured: {
    help: "The session of this peer does not carry the family of the address.",
    cure: "Set spec.dualStackAddressFamily on the BGPPeer (this resets its session), or add a peer of that family.",
  },
  sessionDown: {
    help: "It is decided, but no session stands: the route goes out as soon as one does.",
    cure: "See `vipcast peers` for the last end of the session, and docs/operations.md for what it means.",
  },
  heldDown: {
    help: "It is decided, but the peer is held down for a while after an error or a passed limit.",
    cure: "Mend the cause, then `vipcast clear PEER`, or wait until the next attempt.",
  },
  waitingForBfd: {
    help: "It is decided, but vipcast.io/bfd-strict lets the session wait for BFD.",
    cure: "Bring BFD up at the peer, or take the annotation away.",
  },
  familyNotNegotiated: {
    help: "It is decided, but the peer did not offer the family in its OPEN.",
    cure: "Activate the family for this neighbor at the router.",
  },
  noNextHop: {
    help: "It is decided, but there is no next hop of ours for that family on this session.",
    cure: "Set vipcast.io/next-hop or vipcast.io/next-hop-v6 on the BGPPeer, or give the interface such an address.",
  },
  notWritten: {
    help: "It is decided and waits for the socket: the peer reads slowly, or the table is still on its way.",
    cure: "Wait; a peer that does not read at all is ended by the send hold timer.",
  },
} as const satisfies Readonly<Record<string, { readonly help: string; readonly cure: string }>>;

export type PeerReason = keyof typeof peerReasons;

/** One line for operators; never empty. */
export const reasonHelp = (reason: Reason | PeerReason): string =>
  reason in reasons ? reasons[reason as Reason] : peerReasons[reason as PeerReason].help;

/** What to do about it; never empty. */
export const reasonCure = (reason: Reason | PeerReason): string =>
  reason in cures ? cures[reason as Reason] : peerReasons[reason as PeerReason].cure;

/** docs/reasons.md. */
export function renderReasonsDoc(): string {
  const row = (word: string, help: string, cure: string): string => `| \`${word}\` | ${help} | ${cure} |`;
  const services = Object.entries(reasons).map(([word, help]) => row(word, help, cures[word as Reason]));
  const peers = Object.entries(peerReasons).map(([word, { help, cure }]) => row(word, help, cure));
  return `# Why a service is not announced

Generated from \`src/announce/reasons.ts\`; do not edit.

The word stands in \`vipcast check\` and \`vipcast why\` (\`reason\`, with the object and field that caused it in \`detail\` and \`cause\`) and in the log
line \`serviceWithdrawn\`. The first rule that fails is the one that is told. Words that MetalLB's speaker has are the same words.

| Reason | Means | Cure |
|---|---|---|
${services.join("\n")}

## Why one peer has not got it

In the answer of \`vipcast why\`, peer by peer, where the service itself is announced: first what the configuration says, then what the session does.

| Reason | Means | Cure |
|---|---|---|
${peers.join("\n")}
`;
}
