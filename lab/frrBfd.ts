// FRR's bfdd as it tells of its sessions. Owns the reading of its JSON. Knows nothing of topologies.
// Contract: reads only; a session that FRR does not have is null.
import type { Frr } from "./frr.ts";
import { listAt, numberAt, objectAt, textAt } from "./routes.ts";

export interface FrrBfdPeer {
  /** `up`, `init`, `down` or `shutdown`. */
  readonly status: string;
  readonly diagnostic: string;
  readonly remoteDiagnostic: string;
  readonly localDiscr: number;
  /** Milliseconds; FRR's own as configured, and what the other side says. */
  readonly receiveMs: number | null;
  readonly transmitMs: number | null;
  readonly remoteReceiveMs: number | null;
  readonly remoteTransmitMs: number | null;
  readonly remoteDetectMult: number | null;
  readonly controlIn: number;
  readonly controlOut: number;
  readonly echoIn: number;
  readonly echoOut: number;
  readonly ups: number;
  readonly downs: number;
}

/** @param address of the other side, as configured. @throws VtyError */
export async function bfdPeer(frr: Frr, address: string): Promise<FrrBfdPeer | null> {
  const [peers, counters] = await Promise.all(
    ["show bfd peers json", "show bfd peers counters json"].map(async (command) =>
      listAt(JSON.parse(await frr.ask("bfdd", command))).map((p) => objectAt(p)),
    ),
  );
  const peer = peers?.find((p) => p.peer === address);
  if (peer === undefined) return null;
  const counter = counters?.find((p) => p.peer === address) ?? {};
  return {
    status: textAt(peer.status) ?? "",
    diagnostic: textAt(peer.diagnostic) ?? "",
    remoteDiagnostic: textAt(peer["remote-diagnostic"]) ?? "",
    localDiscr: numberAt(peer.id) ?? 0,
    receiveMs: numberAt(peer["receive-interval"]),
    transmitMs: numberAt(peer["transmit-interval"]),
    remoteReceiveMs: numberAt(peer["remote-receive-interval"]),
    remoteTransmitMs: numberAt(peer["remote-transmit-interval"]),
    remoteDetectMult: numberAt(peer["remote-detect-multiplier"]),
    controlIn: numberAt(counter["control-packet-input"]) ?? 0,
    controlOut: numberAt(counter["control-packet-output"]) ?? 0,
    echoIn: numberAt(counter["echo-packet-input"]) ?? 0,
    echoOut: numberAt(counter["echo-packet-output"]) ?? 0,
    ups: numberAt(counter["session-up"]) ?? 0,
    downs: numberAt(counter["session-down"]) ?? 0,
  };
}
