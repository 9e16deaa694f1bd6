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
  // files of the state directory: what cannot be done, and what that means
  fileNoSpace: {
    text: "{path} cannot be {done}: no space is left on its file system ({code})",
    cause: "The file system is full, or the quota of the daemon's user is used up.",
    cure: "Make room there.",
  },
  fileReadOnly: {
    text: "{path} cannot be {done}: its file system is read-only ({code})",
    cause:
      "It is mounted read-only, as the root of a hardened pod is, or was made so by the kernel after errors of the disk.",
    cure: "Make it writable, or restart the daemon with --state-dir on another one; see the kernel's log.",
  },
  fileForbidden: {
    text: "{path} cannot be {done}: not permitted ({code})",
    cause: "The user of the daemon has no right to change files in that directory.",
    cure: "Make the directory, and the file in it, the property of the daemon's user.",
  },
  fileNotDirectory: {
    text: "{path} cannot be {done}: a part of it is no directory, or it is one itself ({code})",
    cause: "A file stands where a directory of the path is to be, or a directory where the file is to be.",
    cure: "Move away what stands there, or restart the daemon with another --state-dir.",
  },
  fileBroken: {
    text: "{path} cannot be {done}: the disk reports an error ({code})",
    cause: "The disk is failing, or was taken away.",
    cure: "See the kernel's log; restart the daemon with --state-dir on another disk.",
  },
  fileFailed: {
    text: "{path} cannot be {done}: {error}",
    cause: "The system refuses it for the reason it names.",
    cure: "Do away with what the system names.",
  },
  fileForeign: {
    text: "{path} was changed by somebody else",
    cause: "Two daemons share a state directory, or the file was edited while the daemon ran.",
    cure: "Give each daemon a --state-dir of its own, and restart this one.",
  },
  allocationsNotKept: {
    text: "{fault}; meanwhile new addresses are not announced",
    cause: "An address that is forgotten at a restart could be given to another Service.",
    cure: "Make room, or let the daemon write there.",
  },
  injectedNotKept: {
    text: "{fault}; what `inject --persist` changed since is in force, and a restart would not know of it",
    cause: "Injected routes that are to outlive the daemon could not be written down.",
    cure: "Make room, or let the daemon write there.",
  },
  epochsNotKept: {
    text: "{fault}; promotes and epochs of sites since are in force, and a restart would not know of them",
    cause: "What a site has to remember could not be written down.",
    cure: "Make room, or let the daemon write there.",
  },
  lifeSignsNotKept: {
    text: "{fault}; after a crash peers would not be told of a restart",
    cause: "The sign of life by which a start knows of a crash before it could not be written.",
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
