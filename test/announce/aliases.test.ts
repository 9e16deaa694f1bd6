// An alias that is taken away from who uses it (docs/adr/0011): what stays in force, for how long, and what is said. Histories are
// snapshots, each compiled with what the one before left, as the engine does it.
import { describe, expect, test } from "vitest";
import { compile } from "../../src/announce/compile.ts";
import type { CompiledConfig } from "../../src/announce/compiled.ts";
import type { BGPAdvertisementObject, ModelObject } from "../../src/announce/model.ts";
import { adv, community, onNode, options, policyObject, pool, storeOf } from "./builders.ts";

type Snapshot = readonly ModelObject[];

/** The last configuration of a daemon that has seen these snapshots in turn. */
function following(...snapshots: readonly Snapshot[]): CompiledConfig {
  let config: CompiledConfig | null = null;
  for (const objects of snapshots) config = compile(storeOf(P1, ...objects), options(), config);
  if (config === null) throw new Error("no snapshot");
  return config;
}

/** What advertisement `a` gives a route; null: it is out. */
const givenBy = (config: CompiledConfig, name = "a") => {
  const offer = config.pools.get("p1")?.advertisements.find((a) => a.ref.name === name)?.offer[4].attributes;
  return offer === undefined ? null : [...offer.communities, ...offer.largeCommunities.map((c) => c.local2)];
};
const told = ({ problems }: CompiledConfig) => problems.map((p) => `${p.severity} ${p.kind} ${p.name} ${p.path}`);

const P1 = pool("p1", ["192.0.2.0/24"]);
const A = (over: Partial<BGPAdvertisementObject> = {}) => adv("a", { communities: ["x"], createdAt: 5, ...over });
const C = community("c", { x: "0:9" });
const GONE: Snapshot = [A()];
const USED: Snapshot = [A(), C];

describe("an alias in use that is taken away keeps its value", () => {
  const kept = "error BGPAdvertisement a spec.communities[0]";
  test.each<[string, Snapshot, string[]]>([
    ["its Community object is deleted", GONE, [kept]],
    ["another alias of the object stays", [A(), community("c", { y: "0:8" })], [kept]],
    [
      "its object is out, because it has the alias of an older one",
      [A(), community("old", { y: "0:1" }, { createdAt: 1 }), community("c", { x: "0:9", y: "0:2" }, { createdAt: 2 })],
      [kept, "error Community c spec.communities[1]"],
    ],
    [
      "its object is out, because of a value that is none",
      [A(), community("c", { x: "0:9", y: "rubbish" })],
      [kept, "error Community c spec.communities[1]"],
    ],
    ["and the advertisement is edited meanwhile", [A({ localPref: 300, aggregationLength: 28 })], [kept]],
    [
      "and it stands in another place of the list",
      [A({ communities: ["large:1:2:3", "x"] })],
      ["error BGPAdvertisement a spec.communities[1]"],
    ],
  ])("%s", (_name, snapshot, problems) => {
    const config = following(USED, snapshot);
    expect(givenBy(config)).toContain(9);
    expect(told(config)).toEqual(problems);
    expect(told(following(USED, snapshot, snapshot, snapshot))).toEqual(problems);
  });
  test.each([
    ["0:9", "0:9"],
    ["large:1:2:3", "large:1:2:3"],
    ["65535:65281", "no-export"],
  ])("the problem names the value: %s is %s", (value, text) => {
    const { problems } = following([A(), community("c", { x: value })], [A(), community("d", { xs: "0:1" })]);
    expect(problems).toMatchObject([
      {
        message: `"x" is no alias of a Community object any more (there are: d); its last value ${text} stays in force`,
        hint: expect.stringContaining("Put the alias back"),
      },
    ]);
  });
  test("an alias that is spelt like a literal out of range is one like others", () => {
    const named = A({ communities: ["0:70000"] });
    expect(givenBy(following([named, community("c", { "0:70000": "0:9" })], [named]))).toEqual([9]);
  });
  test("63 communities with it are not too many, 64 are", () => {
    const others = (count: number) => Array.from({ length: count }, (_, i) => `1:${i}`);
    const with62 = A({ communities: ["x", ...others(62)] });
    expect(givenBy(following([with62, C], [with62]))).toHaveLength(63);
    const refused = following([with62, C], [A({ communities: ["x", ...others(63)] })]);
    expect([givenBy(refused)?.length, refused.problems[0]?.hint]).toEqual([
      63,
      expect.stringContaining("last good version"),
    ]);
  });
  test("what the advertisement is not used for has its own cause", () => {
    const narrow = pool("p2", ["198.51.100.0/26"]);
    const wide = A({ aggregationLength: 24 });
    const config = following([narrow, wide, C], [narrow, wide]);
    expect(givenBy(config)).toEqual([9]);
    expect(config.pools.get("p2")?.notOwner?.cause.path).toBe("spec.aggregationLength");
  });
});

describe("it is released", () => {
  test.each<[string, Snapshot[], readonly number[] | null]>([
    ["by its return with another value", [USED, GONE, [A(), community("d", { x: "0:7" })]], [7]],
    [
      "by its return, and the new value is kept the next time",
      [USED, GONE, [A(), community("d", { x: "0:7" })], GONE],
      [7],
    ],
    ["once the advertisement does not name it any more", [USED, GONE, [A({ communities: [] })], GONE], []],
    ["once the advertisement is gone", [USED, GONE, [], GONE], null],
    [
      "but not where another unknown alias has the edit refused",
      [USED, GONE, [A({ communities: ["x", "y"] })], GONE],
      [9],
    ],
    [
      "once the advertisement does not select the node",
      [USED, GONE, [A({ nodeSelectors: [onNode("n2")] })], GONE],
      null,
    ],
    ["by a restart", [GONE], null],
    [
      "but not while an older advertisement has the better of it",
      [USED, GONE, [A(), adv("older", { localPref: 7, createdAt: 1 })], GONE],
      [9],
    ],
    [
      "by a meaning of its own, once the text is a literal",
      [[A({ communities: ["0:5"] }), community("c", { "0:5": "0:9" })], [A({ communities: ["0:5"] })]],
      [5],
    ],
  ])("%s", (_name, snapshots, expected) => expect(givenBy(following(...snapshots))).toEqual(expected));

  test("an advertisement that is out for another reason says nothing of a value in force", () => {
    const { problems } = following(USED, [A({ communities: ["x", "y"] })]);
    expect(problems.map((p) => p.message)).toEqual([
      expect.stringContaining('"x" is neither'),
      expect.stringContaining('"y" is neither'),
    ]);
  });
  test("an advertisement that comes to name it later has never used it, and is out", () => {
    const config = following(USED, [A(), adv("b", { communities: ["x"], createdAt: 6 })]);
    expect([givenBy(config), givenBy(config, "b")]).toEqual([[9], null]);
  });
});

test("a SitePolicy keeps the communities it marks its routes with", () => {
  const encoding = { communities: ["x", "y"], localPref: null, med: null, asPathPrepend: null };
  const policy = policyObject("sp", { rankEncoding: [{ rank: 1, ...encoding }], standbyEncoding: encoding });
  const config = following([policy, C], [policy]);
  const [compiled] = config.sitePolicies;
  expect([compiled?.ranks[0]?.encoding.communities, compiled?.standby.communities]).toEqual([[9], [9]]);
  expect(compiled?.text).toBe(following([policy, C]).sitePolicies[0]?.text);
  expect(told(config)).toEqual([
    "error SitePolicy sp spec.rankEncoding[0].communities[0]",
    "error SitePolicy sp spec.rankEncoding[0].communities[1]",
    "error SitePolicy sp spec.standbyEncoding.communities[0]",
    "error SitePolicy sp spec.standbyEncoding.communities[1]",
  ]);
});
