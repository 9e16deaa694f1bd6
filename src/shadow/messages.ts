// What is told of differences between what vipcast would announce and what MetalLB reports: the table. Owns texts, causes and cures; knows
// no code that says them. See kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

export const SHADOW_MESSAGES = {
  notAnnounced: {
    text: "{reason}: {detail}",
    cause: "MetalLB reports the Service to this peer, and by its rules vipcast would not announce it there.",
    cure: "{what}",
  },
  noSuchPeer: {
    text: "there is no BGPPeer {peer}",
    cause: "MetalLB's status names a peer whose BGPPeer is gone.",
    cure: "If it stays so, MetalLB's speaker does not write any more: see its log.",
  },
  noSuchService: {
    text: "there is no Service {service}",
    cause: "MetalLB's status is about a Service that is gone.",
    cure: "If it stays so, MetalLB's speaker does not write any more: see its log.",
  },
  wrongFamily: {
    text: "MetalLB lists the peer although its session does not carry the family of the address",
    cause:
      "MetalLB's FRR modes list every peer that the configuration names (quirk Q-07). No route goes there, with neither speaker.",
    cure: "Nothing: it is the same on the wire.",
  },
  sharedPrefix: {
    text: "MetalLB lists the peer because a Service with the same aggregated prefix is sent there",
    cause:
      "In MetalLB's status Services that share a prefix share their peers (quirk Q-08). The prefix goes there, with both speakers.",
    cure: "Nothing: it is the same on the wire.",
  },
  notReported: {
    text: "vipcast would announce it to this peer, and MetalLB does not report it",
    cause:
      "MetalLB uses its configuration as a whole or not at all, opens no session in a mode that cannot, or has not written yet.",
    cure: "See ConfigurationState speaker-{node} and the log of MetalLB's speaker; `vipcast why` tells how vipcast decides.",
  },
} as const;

export const say = sayFrom(SHADOW_MESSAGES);
