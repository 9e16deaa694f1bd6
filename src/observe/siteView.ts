// What `vipcast site` shows: every SitePolicy of the node with its prefixes, what other sites claim, and the next timer. Owns the JSON
// document, made piece by piece, and its text form. Decides nothing. Contract: pure; every fact in the text is also in the document; the
// pieces, joined, parse to a `SitesStatus`, and each prefix is as it is when its piece is made.
import type { Millis } from "../kernel/units.ts";
import type { SitePolicyView, SitePrefixView } from "../site/sites.ts";
import { wallOf } from "./peerView.ts";
import { commaText } from "./planStream.ts";
import type { Pieces } from "./routesStream.ts";
import { duration, fold, painter, type Style, type TextOptions } from "./statusText.ts";

export interface SitesStatus {
  readonly policies: readonly SitePolicyStatus[];
}

export interface SitePolicyStatus {
  /** `namespace/name` */
  readonly policy: string;
  readonly site: string;
  readonly siteID: number;
  readonly rank: number;
  readonly whenNotPreferred: string;
  readonly failback: "manual" | "auto";
  /** Highest epoch known. */
  readonly epoch: number;
  /** Epoch of the last promote of this site; null: none. */
  readonly promotedEpoch: number | null;
  /** `looking`: the start-up guard holds. `sighted`: enough witnesses are complete. `blind`: neither. */
  readonly view: "looking" | "sighted" | "blind";
  /** End of the start-up guard, RFC 3339; null: it is over. */
  readonly guardUntil: string | null;
  readonly quorum: number;
  readonly witnesses: readonly { readonly name: string; readonly sight: string }[];
  readonly prefixes: readonly SitePrefixStatus[];
}

export interface SitePrefixStatus {
  readonly prefix: string;
  readonly state: string;
  /** Why, in words. */
  readonly detail: string;
  readonly announced: boolean;
  /** Of our claim. */
  readonly rank: number;
  readonly epoch: number;
  /** RFC 3339. */
  readonly since: string;
  /** When that changes by itself, RFC 3339; null: it does not. */
  readonly nextChangeAt: string | null;
  readonly claims: readonly SiteClaimStatus[];
}

export interface SiteClaimStatus {
  readonly siteID: number;
  readonly rank: number;
  readonly epoch: number;
  readonly state: string;
  /** The BGPPeer that tells it. */
  readonly from: string;
  /** RFC 3339. */
  readonly since: string;
  /** Of a session that ended, not confirmed since. */
  readonly remembered: boolean;
}

export function* sitesText(views: Iterable<SitePolicyView>, now: Millis, wall: number): Pieces {
  const time = (at: Millis): string => new Date(wallOf(at, now, wall)).toISOString();
  yield '{"policies":[';
  let isFirst = true;
  for (const view of views) {
    yield `${isFirst ? "" : ","}${JSON.stringify(policyStatus(view, time)).slice(0, -1)},"prefixes":[`;
    isFirst = false;
    yield* commaText(view.prefixes(), (p) => JSON.stringify(prefixStatus(p, time)));
    yield "]}";
  }
  yield "]}\n";
}

type Time = (at: Millis) => string;

function policyStatus(v: SitePolicyView, time: Time): Omit<SitePolicyStatus, "prefixes"> {
  const { ref, site, siteId, rank, whenNotPreferred, failback } = v.compiled.object;
  return {
    policy: `${ref.namespace ?? ""}/${ref.name}`,
    site,
    siteID: siteId,
    rank,
    whenNotPreferred,
    failback: failback === null ? "manual" : "auto",
    epoch: v.epoch,
    promotedEpoch: v.promoted,
    view: v.view,
    guardUntil: v.guardUntil === null ? null : time(v.guardUntil),
    quorum: v.compiled.quorum,
    witnesses: v.witnesses,
  };
}

function prefixStatus(p: SitePrefixView, time: Time): SitePrefixStatus {
  const { rank, epoch, state } = p.domain;
  return {
    prefix: p.prefixKey,
    state: state.name,
    detail: p.detail,
    announced: p.announces,
    rank,
    epoch,
    since: time(p.since),
    nextChangeAt: p.deadline === null ? null : time(p.deadline),
    claims: p.claims.map(({ from, claim, since, isRemembered }) => ({
      siteID: claim.siteId,
      rank: claim.rank,
      epoch: claim.epoch,
      state: claim.state,
      from,
      since: time(since),
      remembered: isRemembered,
    })),
  };
}

const STYLES: Readonly<Record<string, Style>> = { active: "green", leaving: "yellow", guarded: "yellow" };

/** Ends with a newline. */
export function renderSites({ policies }: SitesStatus, options: TextOptions): string {
  if (policies.length === 0) return "No SitePolicy selects this node.\n";
  const paint = painter(options);
  const ago = (at: string): string => duration(options.wall - Date.parse(at));
  const out = policies.flatMap((p) => {
    const seen = p.witnesses.map(({ name, sight }) => `${name} (${sight})`).join(", ");
    const guard =
      p.guardUntil === null ? "" : `, start-up guard for ${duration(Date.parse(p.guardUntil) - options.wall)} more`;
    const promote = p.promotedEpoch === null ? "" : `, promoted at ${p.promotedEpoch}`;
    const [head = "", ...rest] = fold(`${p.site} (siteID ${p.siteID}, rank ${p.rank}) by SitePolicy ${p.policy}`, 0);
    return [
      head.replace(p.site, () => paint("bold", p.site)),
      ...rest,
      `  ${p.whenNotPreferred}, failback ${p.failback}, epoch ${p.epoch}${promote}`,
      ...fold(`${p.view}${guard}; needs ${p.quorum} complete of: ${seen === "" ? "no witnesses" : seen}`, 2),
      ...p.prefixes.flatMap((x) => [
        `  ${x.prefix} ${paint(STYLES[x.state] ?? "dim", x.state)} for ${ago(x.since)}${nextText(x, options.wall)}`,
        ...fold(x.detail, 4),
        ...x.claims.flatMap((c) => {
          const doubt = c.remembered ? " (not confirmed)" : "";
          const claim = `site ${c.siteID} ${c.state}, rank ${c.rank}, epoch ${c.epoch}`;
          return fold(`${claim}, from ${c.from} for ${ago(c.since)}${doubt}`, 4);
        }),
      ]),
    ];
  });
  return `${out.join("\n")}\n`;
}

const nextText = ({ nextChangeAt }: SitePrefixStatus, wall: number): string =>
  nextChangeAt === null ? "" : `, changes in ${duration(Date.parse(nextChangeAt) - wall)}`;
