// What this node would announce against what a running MetalLB reports for it in its ServiceBGPStatus objects (metallb-compat 1.8). Owns the
// comparison and what explains a difference: quirks of these reports are no difference on the wire. Must not know where
// reports come from. Contract: pure; a service differs or not by the sets of peers alone; work that grows with the services rests.
import type { CompiledConfig } from "../announce/compiled.ts";
import { type PeerFailure, whyNotTo } from "../announce/explain.ts";
import type { HoldView } from "../announce/holds.ts";
import { reasonCure } from "../announce/reasons.ts";
import type { ServiceDecision } from "../announce/service.ts";
import type { SiteView } from "../announce/siteGate.ts";
import type { PeerName, ServiceKey } from "../kernel/units.ts";
import type { StoreView } from "../sources/store.ts";
import { say } from "./messages.ts";

export type Quirk = "Q-07" | "Q-08";

export interface ShadowNote {
  readonly peer: string;
  /** null: no quirk of MetalLB's report, but a difference. */
  readonly quirk: Quirk | null;
  readonly text: string;
  /** What to do about it. */
  readonly hint: string;
}

export interface ShadowDifference {
  /** `namespace/name`. */
  readonly service: string;
  /** `explained`: on the wire it is the same. */
  readonly verdict: "different" | "explained";
  /** Peers it would be announced to, ascending; empty: it would not. */
  readonly here: readonly string[];
  /** Peers that MetalLB reports it for, ascending. */
  readonly there: readonly string[];
  /** One for each peer that only one side has. */
  readonly notes: readonly ShadowNote[];
}

export interface Comparison {
  /** Services that each side announces, and those for which both name the same peers. */
  readonly services: { readonly here: number; readonly there: number; readonly same: number };
  /** By service. */
  readonly differences: readonly ShadowDifference[];
}

export interface CompareInput {
  readonly store: StoreView;
  readonly config: CompiledConfig;
  readonly decisions: ReadonlyMap<ServiceKey, ServiceDecision>;
  /** What counts as ready now, and what other sites let this one announce. */
  readonly holds: HoldView;
  readonly sites: SiteView;
  /** Peers by service, as MetalLB reports them for this node. */
  readonly reported: ReadonlyMap<ServiceKey, ReadonlySet<string>>;
}

/** Services looked at between two rests. */
const BATCH = 64;

export function* comparing(input: CompareInput): Generator<void, Comparison> {
  const { decisions, reported } = input;
  const here = new Map<ServiceKey, ReadonlySet<string>>();
  const receivers = new Map<string, Set<PeerName>>();
  let looked = 0;
  for (const [key, { contributions }] of decisions) {
    if (++looked % BATCH === 0) yield;
    if (contributions.length === 0) continue;
    here.set(key, new Set(contributions.flatMap((c) => c.peers)));
    for (const { prefixKey, peers } of contributions) {
      const all = receivers.get(prefixKey) ?? new Set();
      receivers.set(prefixKey, all);
      for (const peer of peers) all.add(peer);
    }
  }
  const differences: ShadowDifference[] = [];
  let same = 0;
  for (const key of [...new Set([...here.keys(), ...reported.keys()])].sort()) {
    if (++looked % BATCH === 0) yield;
    const [own, theirs] = [here.get(key) ?? NONE, reported.get(key) ?? NONE];
    if (own.size === theirs.size && [...own].every((peer) => theirs.has(peer))) same++;
    else differences.push(difference(key, own, theirs, receivers, input));
  }
  const there = [...reported.values()].filter((peers) => peers.size > 0).length;
  return { services: { here: here.size, there, same }, differences };
}

const NONE: ReadonlySet<string> = new Set();

function difference(
  key: ServiceKey,
  here: ReadonlySet<string>,
  there: ReadonlySet<string>,
  receivers: ReadonlyMap<string, ReadonlySet<string>>,
  input: CompareInput,
): ShadowDifference {
  const shared = new Set(
    (input.decisions.get(key)?.contributions ?? []).flatMap((c) => [...(receivers.get(c.prefixKey) ?? NONE)]),
  );
  const notes = [...new Set([...here, ...there])].sort().flatMap((peer): ShadowNote[] => {
    if (here.has(peer) && there.has(peer)) return [];
    if (here.has(peer)) return [note(peer, null, say("notReported", { node: input.config.node.name }))];
    if (shared.has(peer)) return [note(peer, "Q-08", say("sharedPrefix"))];
    return [whyOnlyThere(key, peer, input)];
  });
  const verdict = notes.every((n) => n.quirk !== null) ? "explained" : "different";
  return { service: key, verdict, here: [...here].sort(), there: [...there].sort(), notes };
}

function whyOnlyThere(key: ServiceKey, peer: string, { store, config, holds, sites }: CompareInput): ShadowNote {
  const service = store.get("Service", key);
  if (service === undefined) return note(peer, null, say("noSuchService", { service: key }));
  const failure: PeerFailure | null = whyNotTo(service, peer, store, config, holds, sites);
  if (failure === null) return note(peer, null, say("noSuchPeer", { peer }));
  const { reason, detail } = failure;
  if (reason === "familyNotConfigured") return note(peer, "Q-07", say("wrongFamily"));
  return note(peer, null, say("notAnnounced", { reason, detail, what: reasonCure(reason) }));
}

const note = (
  peer: string,
  quirk: Quirk | null,
  { message, hint }: { readonly message: string; readonly hint: string },
): ShadowNote => ({ peer, quirk, text: message, hint });
