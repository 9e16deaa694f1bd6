// SitePolicy as it is read: defaults, and every fault of the object alone.
import { describe, expect, test } from "vitest";
import { accepted, errorPaths, readYaml, warningPaths } from "./read.ts";

const REQUIRED = "site: north, siteID: 7, rank: 2, ownership: {asn: 65000}";
const object = (spec: string): string =>
  `{apiVersion: vipcast.io/v1alpha1, kind: SitePolicy, metadata: {name: a}, spec: {${spec}}}`;

describe("SitePolicy", () => {
  test("defaults, and the default namespace", () => {
    const read = accepted("SitePolicy", readYaml(object(REQUIRED)));
    expect(read.ref.namespace).toBe("metallb-system");
    expect(read).toMatchObject({
      site: "north",
      siteId: 7,
      rank: 2,
      whenNotPreferred: "withhold",
      whenBlind: "withhold",
      startupGuard: 10_000,
      takeoverDelay: 1000,
      leaveDelay: 2000,
      failback: null,
      quorum: null,
      epoch: null,
      standbyEncoding: { communities: [], localPref: 0, med: null, asPathPrepend: 3 },
    });
  });

  test.each([
    ["rank 1 announces blind", "site: a, siteID: 1, rank: 1, ownership: {asn: 1}", "announce"],
    ["who always announces announces blind", `${REQUIRED}, whenNotPreferred: deprioritize`, "announce"],
    ["what is said counts", `${REQUIRED}, whenBlind: announce`, "announce"],
    ["others withhold", `${REQUIRED}, whenNotPreferred: conditional`, "withhold"],
  ])("%s", (_name, spec, expected) => {
    expect(accepted("SitePolicy", readYaml(object(spec))).whenBlind).toBe(expected);
  });

  test("failback by time has its limits", () => {
    const read = accepted(
      "SitePolicy",
      readYaml(object(`${REQUIRED}, failback: auto, stableFor: 10s, maxStableFor: 1m`)),
    );
    expect(read.failback).toEqual({ stableFor: 10_000, longest: 60_000 });
  });

  test.each<[string, string, readonly string[]]>([
    ["nothing", "", ["spec.site", "spec.siteID", "spec.rank", "spec.ownership.asn"]],
    ["a site with a space", REQUIRED.replace("north", "'a b'"), ["spec.site"]],
    ["rank 0, which is a promote", REQUIRED.replace("rank: 2", "rank: 0"), ["spec.rank"]],
    ["a siteID beyond 16 bits", REQUIRED.replace("7", "65536"), ["spec.siteID"]],
    ["an unknown word", `${REQUIRED}, whenNotPreferred: hide`, ["spec.whenNotPreferred"]],
    ["a guard of an hour", `${REQUIRED}, startupGuard: 1h`, ["spec.startupGuard"]],
    ["a rank twice", `${REQUIRED}, rankEncoding: [{rank: 1}, {rank: 1}]`, ["spec.rankEncoding[1].rank"]],
    ["a limit below its value", `${REQUIRED}, failback: auto, stableFor: 2m, maxStableFor: 1m`, ["spec.maxStableFor"]],
    ["more witnesses than are named", `${REQUIRED}, witnesses: [a], quorum: 2`, ["spec.quorum"]],
    ["eleven prepended", `${REQUIRED}, standbyEncoding: {asPathPrepend: 11}`, ["spec.standbyEncoding.asPathPrepend"]],
  ])("refused: %s", (_name, spec, expected) => {
    expect(errorPaths(readYaml(object(spec)))).toEqual(expected);
  });

  test.each<[string, string, string]>([
    ["a misspelt field", `${REQUIRED}, witness: [a]`, "spec.witness"],
    ["times of a failback that is manual", `${REQUIRED}, stableFor: 1m`, "spec.stableFor"],
    ["the look of a fallback that is none", `${REQUIRED}, standbyEncoding: {localPref: 1}`, "spec.standbyEncoding"],
  ])("warned of: %s", (_name, spec, path) => {
    expect(warningPaths(readYaml(object(spec)))).toEqual([path]);
  });
});
