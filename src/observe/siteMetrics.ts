// The metrics of sites: prefixes under SitePolicies by state, and what is seen of witnesses and rivals. A part of metricTable.ts. Owns their
// names. Contract: as for the table: bounded labels, values read when asked for.
import type { MetricRow } from "./metric.ts";

const SITE_STATES = ["idle", "guarded", "standby", "active", "leaving"] as const;

export const SITE_ROWS: readonly MetricRow[] = [
  {
    name: "vipcast_site_prefixes",
    type: "gauge",
    help: "Prefixes under a SitePolicy by state: idle, guarded, standby, active, leaving",
    labels: ["policy", "state"],
    read: (i, put) => {
      for (const { compiled, counts } of i.sites()) {
        for (const state of SITE_STATES) put({ policy: compiled.key, state }, counts.get(state) ?? 0);
      }
    },
  },
  {
    name: "vipcast_site_moves_total",
    type: "counter",
    help: "How often prefixes under a SitePolicy have moved into a state",
    labels: ["policy", "state"],
    read: (i, put) => {
      for (const { compiled, moves } of i.sites()) {
        for (const [state, n] of moves) put({ policy: compiled.key, state }, n);
      }
    },
  },
  {
    name: "vipcast_site_epoch",
    type: "gauge",
    help: "Highest epoch known for a SitePolicy",
    labels: ["policy"],
    read: (i, put) => {
      for (const { compiled, epoch } of i.sites()) put({ policy: compiled.key }, epoch);
    },
  },
  {
    name: "vipcast_site_witness_complete",
    type: "gauge",
    help: "1: the routes of a witness have been read completely",
    labels: ["policy", "witness"],
    read: (i, put) => {
      for (const { compiled, witnesses } of i.sites()) {
        for (const { name, sight } of witnesses)
          put({ policy: compiled.key, witness: name }, sight === "complete" ? 1 : 0);
      }
    },
  },
  {
    name: "vipcast_site_blind",
    type: "gauge",
    help: "1: too few witnesses are seen to tell whether another site serves",
    labels: ["policy"],
    read: (i, put) => {
      for (const { compiled, view } of i.sites()) put({ policy: compiled.key }, view === "blind" ? 1 : 0);
    },
  },
  {
    name: "vipcast_site_rival_claims",
    type: "gauge",
    help: "Prefixes for which another site is seen to serve",
    labels: ["policy"],
    read: (i, put) => {
      for (const { compiled, rivalled } of i.sites()) put({ policy: compiled.key }, rivalled);
    },
  },
];
