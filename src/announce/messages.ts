// What is told of objects that are judged together, and of annotations: the table. Owns texts, causes and cures; knows no code
// that says them. See kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

const ECHO_CURE = "BFD echo does not work with IPv6: use a profile without echoMode, or other pools for this peer.";

export const ANNOUNCE_MESSAGES = {
  // which of two objects stays
  olderPeer: {
    text: "{older} has this name, too, and is older, or stands first in the files",
    cause: "Two BGPPeers have one name.",
    cure: "Rename one.",
  },
  samePeer: {
    text: "{older} has the same {what}, port and VRF and is older, or stands first in the files",
    cause: "A node cannot have two sessions with one peer; the younger BGPPeer is out.",
    cure: "Change one of them, or give them nodeSelectors that do not overlap.",
  },
  olderPool: {
    text: "another IPAddressPool has the name {name} and is older, or stands first in the files",
    cause: "Two pools have one name.",
    cure: "Rename one.",
  },
  poolOverlap: {
    text: "{text} overlaps {who}: {pool} is not used",
    cause: "An address belongs to one pool; the younger pool is out as a whole.",
    cure: "Of two overlapping pools the older one is used.",
  },
  olderAlias: {
    text: 'alias "{name}" exists already in {older}',
    cause: "Aliases of all Community objects share one namespace.",
    cure: "All aliases share one namespace; of two equal ones the older object is used.",
  },
  prefConflict: {
    text: "localPref ({own}) conflicts with {older} ({other}), which is older, or stands first in the files",
    cause: "Two BGPAdvertisements give the same prefixes different LOCAL_PREFs; the younger one is out.",
    cure: "Same pool, prefix length, peers and node: give both the same localPref.",
  },
  echoPeer: {
    text: "its BFD profile has echoMode, but {advertisement} brings an IPv6 pool to this peer",
    cause: "As in MetalLB, echo and IPv6 pools exclude each other; the younger object is out.",
    cure: ECHO_CURE,
  },
  echoAdvertisement: {
    text: "brings an IPv6 pool to {peer}, whose BFD profile has echoMode",
    cause: "As in MetalLB, echo and IPv6 pools exclude each other; the younger object is out.",
    cure: ECHO_CURE,
  },

  // SitePolicies
  sameSiteServices: {
    text: "selects every Service that {older} selects, too, which governs those: it is older, or stands first in the files",
    cause: "Of two SitePolicies that select a Service the older one counts.",
    cure: "Give both a spec.selector that tells them apart, or spec.nodeSelectors.",
  },
  fewWitnesses: {
    text: "asks for {quorum} witnesses, and there are {count} on this node",
    cause: "So many can never be seen; the site is blind for good.",
    cure: "Lower spec.quorum, or add witnesses.",
  },
  standbyAsServing: {
    text: "a site that stands by announces as attractively as one that serves",
    cause:
      "whenNotPreferred is deprioritize, and spec.standbyEncoding sets neither localPref, med, asPathPrepend nor communities.",
    cure: "Let standbyEncoding lower the preference, e.g. with localPref: 0.",
  },

  // advertisements and communities
  unknownName: {
    text: 'there is no {kind} "{name}"',
    cause: "A list names an object that does not exist; MetalLB passes over it, too.",
    cure: "Correct the name, or create the object.",
  },
  aggregateTooWide: {
    text: "{length} is shorter than /{mask}, the widest part of {where}: it is not used for that pool",
    cause: "An aggregate must not be wider than the pool's entry.",
    cure: "Use {mask} or more, or name the pools this advertisement is for.",
  },
  communityRange: {
    text: '"{text}": both numbers of a community must be 0 to 65535',
    cause: "It looks like a community a:b and is none; no alias of that name exists.",
    cure: "Write 65000:100, or large:65000:1:2 for larger numbers.",
  },
  largeCommunityRange: {
    text: '"{text}": a large community is large:a:b:c, each 0 to 4294967295',
    cause: "It has four parts and is no large community.",
    cure: "Write large:65000:1:2.",
  },
  aliasValue: {
    text: '"{text}" is not a community',
    cause: "The value of an alias must be a literal.",
    cure: "Write a:b or large:a:b:c.",
  },
  unknownAlias: {
    text: '"{text}" is neither a community nor an alias of a Community object (there are: {there})',
    cause: "The alias is misspelt, not created yet, or its Community object is out.",
    cure: "Correct it, or create a Community object with this alias.",
  },
  aliasKept: {
    text: '"{text}" is no alias of a Community object any more (there are: {there}); its last value {value} stays in force',
    cause: "A Community object with an alias in use was deleted or is out, or the alias was taken from it.",
    cure: "Put the alias back, or take its name out here: a daemon that restarts does not know the value any more.",
  },
  manyCommunities: {
    text: "has {count} communities, at most {max} fit a route",
    cause: "As in MetalLB, a route carries so many communities of one advertisement.",
    cure: "Spread them over several prefixes, or use fewer.",
  },
  communitiesDoNotFit: {
    text: "do not fit a route together with those of {others} ({octets} octets, at most {max}): it is left out there",
    cause: "Advertisements meet in one route, and together their communities are longer than a BGP message.",
    cure: "Use fewer communities, or let the advertisements select different services or peers.",
  },
  lostLocalPref: {
    text: "{own} loses where {winner} announces the same prefix with {value}",
    cause: "Advertisements meet in one route with different LOCAL_PREFs (Q-14).",
    cure: "The highest localPref wins: give both the same, or let them select different services.",
  },
  lostMed: {
    text: "{own} loses where {winner} announces the same prefix with {value}",
    cause: "Annotations meet in one route with different MEDs.",
    cure: "The lowest MED wins: give both the same, or keep their prefixes or peers apart.",
  },
  lostPrepend: {
    text: "{own} loses where {winner} announces the same prefix with {value}",
    cause: "Annotations meet in one route with different numbers of copies.",
    cure: "The fewest copies win: give both the same, or keep their prefixes or peers apart.",
  },
  aggregatesOnly: {
    text: "has no effect: {where} announces aggregates only, which are not this Service's alone",
    cause: "A Service's annotations hold for routes of its own addresses.",
    cure: "Annotate the BGPAdvertisement, or announce the addresses on their own as well.",
  },

  // peers
  disableMp: {
    text: "disableMP is deprecated and has no effect",
    cause: "The field is set; MetalLB ignores it since 0.15.",
    cure: "Remove it.",
  },
  noPeerAsn: {
    text: "neither peerASN nor dynamicASN is set",
    cause: "The AS of the peer is not known.",
    cure: "Give peerASN or dynamicASN.",
  },
  multihopInternal: {
    text: "ebgpMultiHop is for external peers, but peerASN and myASN are both {asn}",
    cause: "The peer is internal.",
    cure: "Remove ebgpMultiHop: internal sessions may span hops anyway.",
  },
  noPeerAddress: {
    text: "neither peerAddress nor interface is set",
    cause: "It is not known where the peer is.",
    cure: "Give peerAddress or interface.",
  },
  sourceFamily: {
    text: "{source} is not of the family of {peer}",
    cause: "One TCP connection has addresses of one family.",
    cure: "Give a source address of the peer's family, or leave it out.",
  },
  badRouterId: {
    text: "{id} is not usable: a router ID is an IPv4 address other than 0.0.0.0",
    cause: "A BGP identifier has 32 bits and is not 0 (RFC 6286).",
    cure: "Give an IPv4 address of this node, or leave it out.",
  },
  shortSendHold: {
    text: "is shorter than the hold time of {holdTime} s",
    cause: "The annotation asks for less patience with a slow reader than with a silent one.",
    cure: "A peer that is only slow would lose the session: twice the hold time is usual.",
  },
  strictWithoutBfd: {
    text: "has no effect without spec.bfdProfile",
    cause: "Strict mode waits for BFD, and there is none.",
    cure: "Name a BFDProfile.",
  },
  noProfile: {
    text: "{profile} does not exist",
    cause: "The BFD profile is misspelt, not created yet, or out because of a mistake in it.",
    cure: "The session starts when the profile exists.",
  },
  echoMultihop: {
    text: "{profile} has echoMode, which is for one hop only: control packets alone watch this peer",
    cause: "Echo packets cannot span hops (RFC 5883 section 3).",
    cure: "Use a profile without echoMode.",
  },
  noSecret: {
    text: "{secret} does not exist, or has a mistake in it",
    cause:
      "The Secret is misspelt, not created yet, in another namespace, was deleted, or is out because of a mistake of its own.",
    cure: "The session starts when the Secret is there and in order.",
  },
  secretType: {
    text: "{secret} has type {type}, not kubernetes.io/basic-auth",
    cause: "As in MetalLB, passwords are in Secrets of one type.",
    cure: "Create it anew with type kubernetes.io/basic-auth.",
  },
  noPasswordKey: {
    text: '{secret} has no key "password", or an empty one',
    cause: "Without a password the session would not be authenticated, so it does not run.",
    cure: "Fill data.password.",
  },
  longSecret: {
    text: "the password in Secret {secret} has {octets} octets, at most {max} can be a TCP MD5 key",
    cause: "The kernel's TCP MD5 keys end there.",
    cure: "Use a shorter one, on both sides.",
  },
  authWithoutKey: {
    text: "needs a key",
    cause: "BFD authentication is asked for, and no Secret is named.",
    cure: "Name its Secret with vipcast.io/bfd-auth-secret.",
  },
  badAuthKey: {
    text: "{field} {fault}",
    cause: "The key of BFD authentication does not suit its type: 1 to 20 octets for SHA1, 1 to 16 for MD5.",
    cure: "Use another key, on both sides.",
  },

  // annotations
  settingNumber: {
    text: "is {text}, must be a whole number, {min} to {max}",
    cause: "The value of the annotation is no number, or out of range.",
    cure: "Write digits, without sign or leading zeros.",
  },
  settingWord: {
    text: "is {text}, must be one of {words}",
    cause: "The annotation takes some words only.",
    cure: "Write one of {words}.",
  },
  settingNoDuration: {
    text: "is no duration: {text}",
    cause: "The annotation takes a Go duration or a number of seconds.",
    cure: 'Write it like "90s" or "2m".',
  },
  settingSeconds: {
    text: "is {text}, must be whole seconds, {min}s to {max}s",
    cause: "The duration is out of range, or has a fraction of a second.",
    cure: 'Write it like "90s" or "2m".',
  },
  settingMillis: {
    text: "is {text}, must be whole milliseconds, 0s to {max}s",
    cause: "The delay is out of range, or has a fraction of a millisecond.",
    cure: 'Write it like "5s" or "500ms".',
  },
  settingFamily: {
    text: "is no IPv{version} address: {text}",
    cause: "Each of the two next hops has its family.",
    cure: "Write it like {example}.",
  },
  settingNextHop: {
    text: "{text} cannot be a next hop",
    cause: "The address is unspecified, loopback, multicast or reserved.",
    cure: "Give an address of this node that the peer can reach.",
  },
  settingLinkLocal: {
    text: "{text} is link-local",
    cause: "A link-local next hop goes along with a global one (RFC 2545).",
    cure: "Give a global address: the link-local one goes along by itself.",
  },
  settingSecretName: {
    text: "is {text}, no name of a Secret",
    cause: "Names of Secrets have lower-case letters, digits, '-' and '.'.",
    cure: "Give the name of a Secret in the namespace of the BGPPeer.",
  },
  settingElsewhere: {
    text: "has no effect on kind {kind}",
    cause: "The annotation is for another kind.",
    cure: "It belongs on {others}.",
  },
  unknownSetting: {
    text: "is not a known annotation and has no effect",
    cause: "The annotation is misspelt, or of a newer version.",
    cure: "Remove it.",
  },

  // questions
  nodeNotThere: {
    text: "is none of the Node objects: the answer is that for a node without labels",
    cause:
      "`check --node` names a node that the manifests do not have, though they have others; selectors see no labels of it.",
    cure: "Name one of the Node objects, or add its own.",
  },
} as const;

export const say = sayFrom(ANNOUNCE_MESSAGES);
