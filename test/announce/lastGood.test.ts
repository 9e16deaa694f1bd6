// An object in force that is edited to what only its compilation refuses (docs/adr/0011): which version counts, for how long, and what
// is said. Histories are snapshots, each compiled with what the one before left, as the engine does it.
import { describe, expect, test } from "vitest";
import { compile } from "../../src/announce/compile.ts";
import type { CompiledConfig } from "../../src/announce/compiled.ts";
import type { BGPAdvertisementObject, BGPPeerObject, ModelObject } from "../../src/announce/model.ts";
import { adv, bfdProfile, community, ip, labels, node, onNode, options, peer, pool, storeOf } from "./builders.ts";

type Snapshot = readonly ModelObject[];

/** The last configuration of a daemon that has seen these snapshots in turn. */
function following(...snapshots: readonly Snapshot[]): CompiledConfig {
  let config: CompiledConfig | null = null;
  for (const objects of snapshots) config = compile(storeOf(...objects), options(), config);
  if (config === null) throw new Error("no snapshot");
  return config;
}
const told = ({ problems }: CompiledConfig) => problems.map((p) => `${p.severity} ${p.kind} ${p.name} ${p.path}`);
const STAYS = expect.stringContaining("The last good version stays in force.");

describe("a BGPAdvertisement", () => {
  const P1 = pool("p1", ["192.0.2.0/24"]);
  const A = (over: Partial<BGPAdvertisementObject> = {}): Snapshot => [
    P1,
    adv("a", { communities: ["0:1"], createdAt: 5, ...over }),
  ];
  const GOOD = A();
  const BAD = A({ communities: ["0:70000"], localPref: 7 });
  /** Of advertisement `a` in each pool: communities, LOCAL_PREF and length; a pool without it is left out. */
  const given = ({ pools }: CompiledConfig, name = "a") =>
    [...pools.values()].flatMap((p) =>
      p.advertisements
        .filter((a) => a.ref.name === name)
        .map((a) => `${p.name} ${a.offer[4].attributes.communities} ${a.localPref} /${a.length[4]}`),
    );
  const AS_BEFORE = ["p1 1 null /32"];

  test.each<[string, Snapshot, string]>([
    ["an unknown alias", A({ communities: ["x"] }), "spec.communities[0]"],
    ["a literal out of range", A({ communities: ["0:1", "1:70000"] }), "spec.communities[1]"],
    ["no large community", A({ communities: ["large:1:2:x"] }), "spec.communities[0]"],
    ["64 communities", A({ communities: Array.from({ length: 64 }, (_, i) => `1:${i}`) }), "spec.communities"],
    ["too wide an aggregate", A({ aggregationLength: 20 }), "spec.aggregationLength"],
    ["a fault and other edits", A({ communities: ["x"], localPref: 9, peers: ["t"] }), "spec.communities[0]"],
    ["a fault and another node", A({ communities: ["x"], nodeSelectors: [onNode("n2")] }), "spec.communities[0]"],
  ])("keeps its last version where an edit brings %s", (_name, bad, path) => {
    for (const config of [following(GOOD, bad), following(GOOD, bad, bad, bad)]) {
      expect(given(config)).toEqual(AS_BEFORE);
      const [error, ...others] = config.problems.filter((p) => p.severity === "error");
      expect([error, others]).toEqual([expect.objectContaining({ name: "a", path, hint: STAYS }), []]);
      expect(config.pools.get("p1")?.text).toBe(following(GOOD).pools.get("p1")?.text);
    }
  });
  test("a daemon that starts with it has it out, and promises nothing", () => {
    const config = following(BAD);
    expect([given(config), told(config)]).toEqual([[], ["error BGPAdvertisement a spec.communities[0]"]]);
    expect(config.problems[0]?.hint).not.toEqual(STAYS);
  });
  test.each<[string, readonly Snapshot[], string[]]>([
    ["when it is right again", [BAD, A({ localPref: 3 })], ["p1 1 3 /32"]],
    ["and the next good version is the one to keep", [BAD, A({ localPref: 3 }), BAD], ["p1 1 3 /32"]],
    [
      "when its Community comes after it",
      [A({ communities: ["x"] }), [...A({ communities: ["x"] }), community("c", { x: "0:9" })]],
      ["p1 9 null /32"],
    ],
    ["when it is deleted", [BAD, [P1], BAD], []],
    ["when a good version selects other nodes", [A({ nodeSelectors: [onNode("n2")] }), BAD], []],
    [
      "but not while an older one has the better of it",
      [[...BAD, adv("o", { localPref: 1, createdAt: 1 })], BAD],
      AS_BEFORE,
    ],
    ["not by being edited from one fault to another", [BAD, A({ communities: ["x"] })], AS_BEFORE],
  ])("is released %s", (_name, after, expected) => expect(given(following(GOOD, ...after))).toEqual(expected));
  test("is released when the node is no longer that of the version that is kept", () => {
    const racked = A({ nodeSelectors: [{ matchLabels: [["rack", "1"]], matchExpressions: [] }] });
    const at = (rack: string) => node("n1", { labels: labels({ rack }) });
    expect(given(following([...racked, at("1")], [...BAD, at("1")]))).toEqual(AS_BEFORE);
    const moved = [
      [...racked, at("1")],
      [...BAD, at("1")],
      [...BAD, at("2")],
    ];
    for (const config of [following(...moved), following(...moved, [...BAD, at("1")])]) {
      expect([given(config), told(config)]).toEqual([[], ["error BGPAdvertisement a spec.communities[0]"]]);
      expect(config.problems[0]?.hint).not.toEqual(STAYS);
    }
  });
  test("keeps what its aliases stood for, whatever becomes of them", () => {
    const named = A({ communities: ["x"] });
    const used = [...named, community("c", { x: "0:9" })];
    for (const after of [BAD, [...BAD, community("c", { x: "0:8" })]]) {
      const config = following(used, after, after);
      expect(given(config)).toEqual(["p1 9 null /32"]);
      expect(told(config)).toEqual(["error BGPAdvertisement a spec.communities[0]"]);
    }
    // once it names the alias again, the alias counts as it is
    expect(given(following(used, BAD, [...named, community("c", { x: "0:8" })]))).toEqual(["p1 8 null /32"]);
    expect(given(following(used, BAD, named))).toEqual(["p1 9 null /32"]);
  });
  test("keeps 63 communities of which two aliases come to be 64", () => {
    const names = [...Array.from({ length: 62 }, (_, i) => `1:${i}`), "x", "y"];
    const all = (y: string): Snapshot => [...A({ communities: names }), community("c", { x: "2:1", y })];
    const config = following(all("2:1"), all("2:2"));
    expect(given(config)).toHaveLength(1);
    expect(config.problems).toMatchObject([{ path: "spec.communities", hint: STAYS }]);
  });
  test("whose aggregate does not fit a pool that is new to it is used for its other pools, edit and all", () => {
    const narrow = pool("p2", ["198.51.100.0/28"]);
    const wide = A({ aggregationLength: 24, localPref: 3 });
    const before = A({ aggregationLength: 24 });
    expect(given(following(before, [...before, narrow], [...wide, narrow]))).toEqual(["p1 1 3 /24"]);
    const first = A({ aggregationLength: 24, ipAddressPools: ["p1"] });
    expect(given(following([...first, narrow], [...wide, narrow]))).toEqual(["p1 1 3 /24"]);
    // one that it is used for would be lost
    expect(given(following([...GOOD, narrow], [...wide, narrow]))).toEqual([...AS_BEFORE, "p2 1 null /32"]);
  });
  test("a pool that comes to be too narrow for the aggregate is a matter of two objects, and decided as before", () => {
    const wide = adv("a", { aggregationLength: 24 });
    const config = following([P1, wide], [pool("p1", ["192.0.2.0/25"]), wide]);
    expect([given(config), config.problems[0]?.hint]).toEqual([[], expect.not.stringContaining("stays in force")]);
  });
  test("a pool that only the refused version is for says so", () => {
    const other = pool("p2", ["198.51.100.0/24"]);
    const only = (name: string, text: string) => A({ ipAddressPools: [name], communities: [text] });
    const config = following([...only("p1", "0:1"), other], [...only("p2", "x"), other]);
    expect(given(config)).toEqual(AS_BEFORE);
    expect(config.pools.get("p2")?.notOwner?.cause.path).toBe("spec.communities[0]");
  });
  test("is as old as its newest version, where files order it", () => {
    const ordered = (order: number, communities: string[]) => adv("a", { communities, order, localPref: 1 });
    const rival = adv("b", { localPref: 2, order: 5 });
    const config = following([P1, ordered(1, ["0:1"])], [P1, rival, ordered(9, ["x"])]);
    expect([given(config), given(config, "b")]).toEqual([[], ["p1  2 /32"]]);
  });
});

describe("a BGPPeer", () => {
  const T = (over: Partial<BGPPeerObject> = {}) => peer("t", "203.0.113.1", { holdTime: 9, ...over });
  const running = ({ peers }: CompiledConfig) => peers.map((p) => p.config?.holdTime ?? p.problemPath);
  test.each<[string, Partial<BGPPeerObject>, string]>([
    ["no AS", { peerAsn: null }, "spec.peerASN"],
    ["ebgpMultiHop to its own AS", { peerAsn: 64512, ebgpMultiHop: true }, "spec.ebgpMultiHop"],
    ["no address", { peerAddress: null }, "spec.peerAddress"],
    ["a source address of the other family", { sourceAddress: ip("2001:db8::1") }, "spec.sourceAddress"],
    ["a router ID that is none", { routerId: ip("0.0.0.0") }, "spec.routerID"],
    [
      "BFD authentication without a key",
      { bfdProfile: "bfd", settings: { bfdAuthType: "keyedSha1" } },
      'metadata.annotations["vipcast.io/bfd-auth-type"]',
    ],
  ])("goes on with its last version where an edit brings %s", (_name, fault, path) => {
    const bad = [T({ ...fault, holdTime: 30 }), bfdProfile("bfd")];
    const config = following([T()], bad, bad);
    expect([running(config), running(following(bad))]).toEqual([[9], [path]]);
    expect(config.problems).toMatchObject([{ severity: "error", kind: "BGPPeer", name: "t", path, hint: STAYS }]);
    expect(config.peers).toEqual(following([T()]).peers);
    expect(running(following([T()], bad, [T({ holdTime: 30 })]))).toEqual([30]);
    expect(running(following([T()], bad, [], bad))).toEqual([path]);
  });
  test("never runs without a Secret or a BFD profile that it asks for, whatever ran before", () => {
    for (const wants of [{ passwordSecret: "pw" }, { bfdProfile: "bfd" }]) {
      const config = following([T()], [T(wants)]);
      expect(config.peers.map((p) => p.config)).toEqual([null]);
      expect(config.problems[0]?.hint).not.toEqual(STAYS);
    }
  });
});
