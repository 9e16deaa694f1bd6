// What the webhooks answer: tables of writes, each beside the objects that are there, and what is let through unseen.
import { describe, expect, test } from "vitest";
import { answerReview, readReview } from "../../src/hooks/review.ts";
import { judge, MAX_WARNING_LENGTH, MAX_WARNINGS, type WriteRequest } from "../../src/hooks/verdict.ts";
import type { RawObject } from "../../src/sources/fields.ts";
import { readObject } from "../../src/sources/intake.ts";
import { ObjectStore } from "../../src/sources/store.ts";

const HOME = "metallb-system";

const object = (kind: string, name: string, spec: RawObject, metadata: RawObject = {}): RawObject => ({
  apiVersion:
    kind === "BGPPeer" ? "metallb.io/v1beta2" : kind === "SitePolicy" ? "vipcast.io/v1alpha1" : "metallb.io/v1beta1",
  kind,
  metadata: { name, namespace: HOME, creationTimestamp: "2026-01-01T00:00:00Z", ...metadata },
  spec,
});
const node = (name: string, labels: RawObject = {}): RawObject => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
});
const peer = (name: string, spec: RawObject = {}, metadata: RawObject = {}): RawObject =>
  object("BGPPeer", name, { myASN: 64512, peerASN: 64513, peerAddress: "192.0.2.1", ...spec }, metadata);
const pool = (name: string, ...addresses: readonly string[]): RawObject => object("IPAddressPool", name, { addresses });
const advertisement = (name: string, spec: RawObject = {}): RawObject => object("BGPAdvertisement", name, spec);
const on = (host: string): RawObject => ({ nodeSelectors: [{ matchLabels: { "kubernetes.io/hostname": host } }] });

function storeOf(objects: readonly RawObject[]): ObjectStore {
  const store = new ObjectStore();
  for (const raw of objects) {
    const read = readObject(raw, 0, HOME).object;
    if (read === null) throw new Error(`a test object is faulty: ${JSON.stringify(raw)}`);
    store.put(read);
  }
  return store;
}

function ask(
  there: readonly RawObject[],
  raw: RawObject,
  over: Partial<WriteRequest> = {},
  missing: string | null = null,
) {
  const { name, namespace } = raw.metadata as { readonly name: string; readonly namespace: string };
  const request: WriteRequest = {
    operation: "CREATE",
    kind: String(raw.kind),
    namespace,
    name,
    subResource: "",
    object: raw,
    oldObject: null,
    ...over,
  };
  return judge(request, { store: storeOf(there), missing, home: HOME });
}

const NODES = [node("n1"), node("n2")];
const REFUSED: readonly (readonly [what: string, there: readonly RawObject[], raw: RawObject, because: RegExp])[] = [
  ["a field that cannot be read", NODES, peer("p", { myASN: 0 }), /^spec\.myASN: .*\(.*\)$/],
  ["a peer without address or interface", NODES, peer("p", { peerAddress: "" }), /^spec\.peerAddress: /],
  [
    "a session that another peer has",
    [...NODES, peer("old")],
    peer("p"),
    /^spec\.peerAddress: .*BGPPeer metallb-system\/old/,
  ],
  ["source and peer of two families", NODES, peer("p", { sourceAddress: "2001:db8::1" }), /^spec\.sourceAddress: /],
  [
    "the same where the peer selects no node that there is",
    NODES,
    peer("p", { sourceAddress: "2001:db8::1", ...on("n9") }),
    /^spec\.sourceAddress: /,
  ],
  ["the same without any node", [], peer("p", { sourceAddress: "2001:db8::1" }), /^spec\.sourceAddress: /],
  ["what is wrong although disableMP is set (Q-10)", NODES, peer("p", { disableMP: true, myASN: 0 }), /^spec\.myASN: /],
  [
    "addresses of another pool",
    [pool("old", "192.0.2.0/24")],
    pool("p", "192.0.2.128/25"),
    /^spec\.addresses\[0\]: .*old/,
  ],
  ["a range that ends before it begins", [], pool("p", "192.0.2.9-192.0.2.1"), /^spec\.addresses\[0\]: /],
  [
    "an aggregate wider than the pool",
    [...NODES, pool("a", "192.0.2.0/26")],
    advertisement("adv", { aggregationLength: 24, ipAddressPools: ["a"] }),
    /^spec\.aggregationLength: /,
  ],
  [
    "a local preference against that of an older advertisement",
    [...NODES, pool("a", "192.0.2.0/24"), advertisement("old", { localPref: 200 })],
    advertisement("adv", { localPref: 100 }),
    /^spec\.localPref: .*old/,
  ],
  [
    "a community that is none",
    [...NODES],
    advertisement("adv", { communities: ["1:2:x"] }),
    /^spec\.communities\[0\]: /,
  ],
  [
    "an alias that there is already",
    [...NODES, object("Community", "old", { communities: [{ name: "a", value: "1:1" }] })],
    object("Community", "new", { communities: [{ name: "a", value: "1:2" }] }),
    /old/,
  ],
  ["a BFD profile out of range", [], object("BFDProfile", "b", { receiveInterval: 5 }), /^spec\.receiveInterval: /],
];

const PASSES: readonly (readonly [
  what: string,
  there: readonly RawObject[],
  raw: RawObject,
  warning: RegExp | null,
])[] = [
  ["a good peer", NODES, peer("p"), null],
  ["the same session on another node", [...NODES, peer("old", on("n1"))], peer("p", on("n2")), null],
  ["a peer whose profile is not there yet", NODES, peer("p", { bfdProfile: "later" }), /^spec\.bfdProfile: /],
  ["a peer whose Secret is not there yet", NODES, peer("p", { passwordSecret: { name: "later" } }), null],
  [
    "an alias that is not there yet",
    NODES,
    advertisement("adv", { communities: ["later"] }),
    /^spec\.communities\[0\]: /,
  ],
  [
    "a pool that is not there yet",
    NODES,
    advertisement("adv", { ipAddressPools: ["later"] }),
    /^spec\.ipAddressPools\[0\]: /,
  ],
  ["a peer with disableMP", NODES, peer("p", { disableMP: true }), /^spec\.disableMP: /],
  [
    "a layer 2 advertisement with a fault",
    [],
    object("L2Advertisement", "l", { interfaces: 5 }),
    /^spec\.interfaces: /,
  ],
];

describe("a creation", () => {
  test.each(REFUSED)("is refused for %s", (_what, there, raw, because) => {
    expect(ask(there, raw)).toMatchObject({ isAllowed: false, message: expect.stringMatching(because) });
  });

  test.each(PASSES)("passes: %s", (_what, there, raw, warning) => {
    const { isAllowed, message, warnings } = ask(there, raw);
    expect([isAllowed, message]).toEqual([true, ""]);
    expect(warnings).toEqual(warning === null ? [] : [expect.stringMatching(warning)]);
  });

  test("outside the namespace of MetalLB's objects is refused, of every kind, and names both", () => {
    for (const kind of ["BGPPeer", "L2Advertisement", "SitePolicy"]) {
      const { isAllowed, message } = ask([], object(kind, "x", {}, { namespace: "default" }));
      expect([kind, isAllowed]).toEqual([kind, false]);
      expect(message).toMatch(/"default".*"metallb-system"/);
    }
  });

  test("with incomplete knowledge is judged by itself alone, and the answer says so", () => {
    const [twin, faulty] = [peer("p"), peer("p", { myASN: 0 })];
    const known = ask([...NODES, peer("old")], twin, {}, "nodes are not listed yet");
    expect(known).toEqual({
      isAllowed: true,
      message: "",
      warnings: [expect.stringContaining("nodes are not listed")],
    });
    expect(ask(NODES, faulty, {}, "nodes are not listed yet").isAllowed).toBe(false);
  });

  test("warns in pieces that an API server does not cut", () => {
    const pools = Array.from({ length: 40 }, (_, i) => `${"long-name-".repeat(24)}${i}`);
    const { isAllowed, warnings } = ask(NODES, advertisement("adv", { ipAddressPools: pools }));
    expect([isAllowed, warnings.length]).toEqual([true, MAX_WARNINGS]);
    expect(Math.max(...warnings.map((w) => w.length))).toBe(MAX_WARNING_LENGTH);
  });

  test("a password stands in no answer", () => {
    const secret = "hunter2".repeat(20);
    expect(JSON.stringify(ask(NODES, peer("p", { password: secret })))).not.toContain("hunter2");
  });
});

describe("an update", () => {
  const old = peer("p", { peerAddress: "192.0.2.2" });
  const update = (
    there: readonly RawObject[],
    oldObject: RawObject,
    raw: RawObject,
    over: Partial<WriteRequest> = {},
  ) => ask(there, raw, { operation: "UPDATE", oldObject, ...over });

  test("that takes the session of another peer is refused, also where that one is younger", () => {
    const younger = peer("q", {}, { creationTimestamp: "2026-02-01T00:00:00Z" });
    const verdict = update([...NODES, old, younger], old, peer("p"));
    expect(verdict).toMatchObject({ isAllowed: false, message: expect.stringContaining("metallb-system/q") });
  });

  test("does not stand in its own way", () => {
    const verdict = update(
      [...NODES, old, pool("a", "192.0.2.0/24")],
      old,
      peer("p", { peerAddress: "192.0.2.2", holdTime: "9s" }),
    );
    expect(verdict).toEqual({ isAllowed: true, message: "", warnings: [] });
  });

  const faulty = peer("p", { myASN: 0 });
  const finalized = { ...faulty, metadata: { ...(faulty.metadata as RawObject), finalizers: ["x"] } };
  const leaving = {
    ...peer("p", { myASN: -1 }),
    metadata: { name: "p", namespace: HOME, deletionTimestamp: "2026-01-01T00:00:00Z" },
  };
  test.each([
    ["of the status", faulty, { ...faulty, spec: { myASN: -1 } }, { subResource: "status" }],
    ["of a finalizer of a faulty object", faulty, finalized, {}],
    ["of an object on its way out", faulty, leaving, {}],
  ])("%s is never refused", (_what, before, after, over) => {
    expect(update([], before, after, over)).toMatchObject({ isAllowed: true });
  });

  test("of an object elsewhere passes with a warning: it has no effect", () => {
    const there = peer("p", { myASN: 0 }, { namespace: "default" });
    expect(update([], there, there)).toMatchObject({ isAllowed: true, warnings: [expect.stringContaining("default")] });
  });
});

describe("a deletion", () => {
  const profile = object("BFDProfile", "fast", {});
  const gone = { operation: "DELETE", object: null, oldObject: profile } as const;

  test("of a BFD profile in use is refused and names the peers", () => {
    const verdict = ask([profile, peer("p", { bfdProfile: "fast" })], profile, gone);
    expect(verdict).toMatchObject({ isAllowed: false, message: expect.stringContaining("BGPPeer metallb-system/p") });
  });

  test("of a BFD profile that nobody uses, or of anything else, passes", () => {
    expect(ask([profile, peer("p")], profile, gone).isAllowed).toBe(true);
    expect(ask([peer("p")], peer("p"), gone).isAllowed).toBe(true);
  });

  test("passes with a warning where not all peers are known", () => {
    const verdict = ask([profile, peer("p", { bfdProfile: "fast" })], profile, gone, "peers are not listed yet");
    expect(verdict).toMatchObject({ isAllowed: true, warnings: [expect.stringContaining("not listed")] });
  });
});

describe("a review", () => {
  const request = {
    uid: "u-1",
    operation: "CREATE",
    kind: { group: "metallb.io", kind: "BGPPeer" },
    namespace: HOME,
    name: "p",
  };
  const text = (over: RawObject): string =>
    JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: { ...request, ...over } });

  test("is read with what it lacks as empty", () => {
    expect(readReview(text({ object: {} }))).toEqual({
      uid: "u-1",
      request: {
        operation: "CREATE",
        kind: "BGPPeer",
        namespace: HOME,
        name: "p",
        subResource: "",
        object: {},
        oldObject: null,
      },
    });
  });

  test.each([
    "",
    "[]",
    "{}",
    '{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}',
    text({ uid: 5 }),
    text({ operation: "X" }),
    text({ kind: "BGPPeer" }),
  ])("that is none gives null: %s", (raw) => expect(readReview(raw)).toBeNull());

  test("is answered with its uid, and a refusal as a status of its own", () => {
    expect(answerReview("u-1", { isAllowed: true, message: "", warnings: [] }).response).toEqual({
      uid: "u-1",
      allowed: true,
    });
    expect(answerReview("u-1", { isAllowed: false, message: "no", warnings: ["w"] }).response).toEqual({
      uid: "u-1",
      allowed: false,
      status: { status: "Failure", reason: "Invalid", code: 422, message: "no" },
      warnings: ["w"],
    });
  });
});
