// What stories of two sites have in common: who takes part, what the speakers start with where no policy governs (policy.ts has those),
// how the hub's route looks then, and how long a partition lasts. Owns these words only. Knows no scenario.
import { RANKS, SITES, WORKERS, type WorkerName } from "../lab/topologies/twoSites.ts";
import type { Checks } from "./scenario.ts";
import type { SpeakerKind, SpeakerSetup } from "./speakers.ts";

export const BOTH: readonly SpeakerKind[] = ["vipcast", "frr"];

const namesAt = (site: "primary" | "recovery"): readonly WorkerName[] =>
  WORKERS.filter((w) => w.site === site).map((w) => w.name);
export const PRIMARY = namesAt("primary");
export const RECOVERY = namesAt("recovery");

/** Addresses of the workers at the primary site. */
export const P221 = SITES.primary.host("221");
export const P222 = SITES.primary.host("222");

/** Only the primary site announces. */
export const primaryOnly = (name: WorkerName): SpeakerSetup => ({ serves: PRIMARY.includes(name) });
/** Both announce; the routers give the recovery site's route a higher metric. */
export const withStandby = (name: WorkerName): SpeakerSetup => ({
  serves: true,
  communities: PRIMARY.includes(name) ? [] : [RANKS[0].community],
});

/** Milliseconds for which the sites do not see each other. */
export const PARTITION_MS = 10_000;

export const HUB_HAS_BOTH = `bgp via ${P221}, ${P222}`;
export const hubHasBoth: Checks = { "the hub has both workers": ({ after }) => after.hub === HUB_HAS_BOTH };
export const hubHasTheOther: Checks = {
  "the hub has the other worker": ({ after }) => after.hub === `bgp via ${P222}`,
};

/** Of a route in use as the timeline writes it. */
export const has =
  (address: string) =>
  (route: string): boolean =>
    route.includes(address);
export const hasNot =
  (address: string) =>
  (route: string): boolean =>
    !route.includes(address);
