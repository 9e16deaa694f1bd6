// What is told of sessions, and of the allocator, while they run: the table. Owns texts, causes and cures;
// knows no code that says them. See kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

export const APP_MESSAGES = {
  bfdCannotFlow: {
    text: "BFD packets cannot flow: {why}",
    cause: "The socket of this BFD session cannot be made or used; the text has the system's reason.",
    cure: "See the address, interface and VRF of the peer, and the capabilities of the daemon.",
  },
  bfdRefused: {
    text: "BFD cannot run as it is asked for: {why}",
    cause: "The profile or key asks for something that the engine refuses.",
    cure: "Change the BFDProfile or the annotation that the text names.",
  },
  bfdUnwatched: {
    text: "the session is up without BFD, so nothing but the hold time watches its path",
    cause: "BGP is established, and the peer's BFD packets do not arrive.",
    cure: "Configure BFD for this neighbor at the router, or see why its packets do not arrive.",
  },
  bfdLate: {
    text: "{why}",
    cause: "This host cannot promise to keep the intervals of the profile (the text says by how much).",
    cure: "Allow CAP_SYS_NICE, or use longer intervals.",
  },
  allocationsNotKept: {
    text: "{path} cannot be written ({why}): new addresses are not announced until it can",
    cause: "An address that is forgotten at a restart could be given to another Service.",
    cure: "Make room, or let the daemon write there.",
  },
  witnessInternal: {
    text: "a witness takes no part with peers of its own AS",
    cause:
      "The daemon runs as a witness; routes of an internal peer may not go to another (RFC 4271 9.2), and no path shows a loop.",
    cure: "Give the witness an AS of its own (myASN), and name it at the sites.",
  },
  witnessFull: {
    text: "more than {most} routes with claims are heard; further ones are not passed on",
    cause: "Peers of the witness claim more prefixes than it keeps.",
    cure: "Let speakers announce only governed prefixes to the witness (spec.peers of their BGPAdvertisements).",
  },
  cannotBeReached: {
    text: "{why}",
    cause: "The peer may not connect to us, or its router has not been seen on the interface (the text says which).",
    cure: "See `--listen`, the password and GTSM of peers that share an address, and the link of an unnumbered peer.",
  },
} as const;

export const say = sayFrom(APP_MESSAGES);
