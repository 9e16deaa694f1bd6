// SitePolicy of vipcast.io/v1alpha1 -> announce/model. Owns its defaults and every check that looks at the object alone. Knows nothing
// of other objects: names of peers and pools, and aliases of communities, are resolved in announce/.
// Contract: faults go to the report, all of them; the result then does not count.
import type { Meta, SiteEncoding, SitePolicyObject } from "../announce/model.ts";
import { Asn, Millis } from "../kernel/units.ts";
import type { Fields } from "./fields.ts";
import { readSelectors } from "./labelSelector.ts";
import { say } from "./messages.ts";

/** Milliseconds; no router needs longer to send its table, and no operator should have to wait longer for a VIP. */
export const LONGEST_GUARD = 600_000;
/** Milliseconds; beyond it a policy is not slow but wrong. */
export const LONGEST_DELAY = 60_000;
/** Milliseconds, of `stableFor` and `maxStableFor`. */
export const LONGEST_STABLE = 86_400_000;
/** What a message of any size carries, far beyond what anybody prepends. */
const MOST_PREPENDED = 10;

export const SITE_DEFAULTS = {
  startupGuard: 10_000,
  takeoverDelay: 1_000,
  leaveDelay: 2_000,
  stableFor: 300_000,
  longest: 3_600_000,
} as const;

/** Where nothing is said: the last choice of internal peers, and a longer path for external ones. */
const STANDBY: SiteEncoding = { communities: [], localPref: 0, med: null, asPathPrepend: 3 };

const SITE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export function readSitePolicy(root: Fields, meta: Meta): SitePolicyObject | null {
  if (!root.has("spec")) root.error("spec", say("required", {}, "Give the policy a site, siteID, rank and ownership."));
  const spec = root.object("spec");
  if (spec === null) return null;
  const site = spec.requiredString("site", "Name the site this node belongs to.") ?? "";
  if (site !== "" && !SITE_NAME.test(site)) spec.error("site", say("badSiteName", { text: site }));
  const selector = spec.objectOrEmpty("selector");
  const siteId = required(spec, "siteID", 1, 0xffff, "A number of the site, different from every other site's.");
  const rank = required(spec, "rank", 1, 0xffff, "1 is the preferred site.");
  const ownership = spec.objectOrEmpty("ownership");
  const asn = required(
    ownership,
    "asn",
    1,
    0xffff_ffff,
    "The AS number that claims are written under, equal at all sites.",
  );
  ownership.warnUnknown();
  const whenNotPreferred = spec.word("whenNotPreferred", ["withhold", "deprioritize", "conditional"]) ?? "withhold";
  const announcesBlind = rank === 1 || whenNotPreferred === "deprioritize";
  const failback = readFailback(spec);
  const result: SitePolicyObject = {
    ...meta,
    kind: "SitePolicy",
    site,
    siteId: siteId ?? 1,
    nodeSelectors: readSelectors(spec, "nodeSelectors"),
    serviceSelectors: readSelectors(selector, "serviceSelectors"),
    ipAddressPools: selector.distinctStrings("ipAddressPools"),
    rank: rank ?? 1,
    whenNotPreferred,
    rankEncoding: readRanks(spec),
    standbyEncoding: readStandby(spec, whenNotPreferred),
    ownershipAsn: Asn(asn ?? 1),
    witnesses: spec.distinctStrings("witnesses"),
    quorum: spec.integer("quorum", 1, 0xffff, "How many witnesses must be seen completely."),
    startupGuard: delay(spec, "startupGuard", SITE_DEFAULTS.startupGuard, LONGEST_GUARD),
    takeoverDelay: delay(spec, "takeoverDelay", SITE_DEFAULTS.takeoverDelay, LONGEST_DELAY),
    leaveDelay: delay(spec, "leaveDelay", SITE_DEFAULTS.leaveDelay, LONGEST_DELAY),
    whenBlind: spec.word("whenBlind", ["announce", "withhold"]) ?? (announcesBlind ? "announce" : "withhold"),
    failback,
    epoch: spec.integer("epoch", 0, 0xffff_ffff, "Raise it to promote this site."),
  };
  const { witnesses, quorum } = result;
  if (quorum !== null && witnesses.length > 0 && quorum > witnesses.length) {
    spec.error("quorum", say("outOfRange", { value: quorum, min: 1, max: witnesses.length }));
  }
  selector.warnUnknown();
  spec.warnUnknown();
  return result;
}

function required(fields: Fields, key: string, min: number, max: number, hint: string): number | null {
  if (!fields.has(key)) fields.error(key, say("required", {}, hint));
  return fields.integer(key, min, max, hint);
}

function delay(fields: Fields, key: string, fallback: number, max: number): Millis {
  const value = fields.duration(key);
  if (value === null || value <= max) return Millis(value ?? fallback);
  fields.error(key, say("longDelay", { max: max / 1000 }));
  return Millis(fallback);
}

function readFailback(spec: Fields): SitePolicyObject["failback"] {
  const mode = spec.word("failback", ["manual", "auto"]) ?? "manual";
  const stableFor = delay(spec, "stableFor", SITE_DEFAULTS.stableFor, LONGEST_STABLE);
  const longest = delay(spec, "maxStableFor", Math.max(SITE_DEFAULTS.longest, stableFor), LONGEST_STABLE);
  for (const key of ["stableFor", "maxStableFor"]) {
    if (mode === "manual" && spec.has(key)) spec.warn(key, say("noEffectWithout", { other: "failback: auto" }));
  }
  if (longest < stableFor) spec.error("maxStableFor", say("shorterThan", { other: "stableFor" }));
  return mode === "manual" ? null : { stableFor, longest };
}

function readRanks(spec: Fields): SitePolicyObject["rankEncoding"] {
  const seen = new Map<number, string>();
  return spec.objects("rankEncoding").map((fields) => {
    const rank = required(fields, "rank", 1, 0xffff, "The rank whose routes this is for.") ?? 1;
    const earlier = seen.get(rank);
    if (earlier !== undefined) fields.error("rank", say("twice", { text: String(rank), earlier }));
    else seen.set(rank, fields.at("rank"));
    return { rank, ...readEncoding(fields) };
  });
}

function readStandby(spec: Fields, mode: SitePolicyObject["whenNotPreferred"]): SiteEncoding {
  const fields = spec.object("standbyEncoding");
  if (fields === null) return STANDBY;
  if (mode !== "deprioritize") {
    spec.warn("standbyEncoding", say("noEffectWithout", { other: "whenNotPreferred: deprioritize" }));
  }
  return readEncoding(fields);
}

function readEncoding(fields: Fields): SiteEncoding {
  const encoding: SiteEncoding = {
    communities: fields.distinctStrings("communities"),
    localPref: fields.integer("localPref", 0, 0xffff_ffff),
    med: fields.integer("med", 0, 0xffff_ffff),
    asPathPrepend: fields.integer("asPathPrepend", 0, MOST_PREPENDED),
  };
  fields.warnUnknown();
  return encoding;
}
