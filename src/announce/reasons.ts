// The closed list of words that say why a service is not announced on a node. Owns the words and one line of help each.
// The words of MetalLB's speaker are kept as they are (log parsers know them); ours are the last group. Knows nothing of how a
// decision is made. Contract: a word, once released, is never renamed; `detail` of a decision carries the specifics.

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
  noLocalEndpoints: "externalTrafficPolicy is Local and no endpoint on this node is ready or serving.",
  noEndpoints: "No endpoint of the Service is ready or serving.",
  otherLoadBalancerClass: "spec.loadBalancerClass of the Service is not the one this speaker serves.",
  noPeers: "Everything else is fine, but no BGPPeer of this node that runs a session gets any of the prefixes.",
} as const satisfies Readonly<Record<string, string>>;

export type Reason = keyof typeof reasons;

/** One line for operators; never empty. */
export const reasonHelp = (reason: Reason): string => reasons[reason];

/** docs/reasons.md. */
export function renderReasonsDoc(): string {
  const rows = Object.entries(reasons).map(([word, help]) => `| \`${word}\` | ${help} |`);
  return `# Why a service is not announced

Generated from \`src/announce/reasons.ts\`; do not edit.

The word stands in \`vipcast check\` (\`reason\`, with the object and field that caused it in \`detail\`) and in the log line \`serviceWithdrawn\`. The
first rule that fails is the one that is told. Words that MetalLB's speaker has are the same words.

| Reason | Means |
|---|---|
${rows.join("\n")}
`;
}
