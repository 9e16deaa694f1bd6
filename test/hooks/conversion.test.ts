// BGPPeer from one version to the other, as the API server asks for it.
import { describe, expect, test } from "vitest";
import { convertPeer, convertReview } from "../../src/hooks/conversion.ts";
import { readObject } from "../../src/sources/intake.ts";

const [V1, V2] = ["metallb.io/v1beta1", "metallb.io/v1beta2"];
const metadata = { name: "p", namespace: "metallb-system", uid: "u", annotations: { a: "b" } };
const peer = (apiVersion: string, spec: object) => ({ apiVersion, kind: "BGPPeer", metadata, spec, status: { x: 1 } });
const SPEC = { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1" };
const selectors = [{ matchExpressions: [{ key: "k", operator: "In", values: ["v"] }] }, {}];

const ROWS: readonly (readonly [what: string, from: string, spec: object, to: string, expected: object])[] = [
  ["absent timers become explicit zeros (Q-03)", V1, SPEC, V2, { ...SPEC, holdTime: "0s", keepaliveTime: "0s" }],
  [
    "a timer that is given stays",
    V1,
    { ...SPEC, holdTime: "90s" },
    V2,
    { ...SPEC, holdTime: "90s", keepaliveTime: "0s" },
  ],
  [
    "node selectors stay as they are",
    V1,
    { ...SPEC, nodeSelectors: selectors },
    V2,
    { ...SPEC, nodeSelectors: selectors, holdTime: "0s", keepaliveTime: "0s" },
  ],
  [
    "newer fields are lost",
    V2,
    { ...SPEC, vrf: "red", connectTime: "5s", peerPort: 1179 },
    V1,
    { ...SPEC, peerPort: 1179, holdTime: "0s", keepaliveTime: "0s" },
  ],
  ["nothing changes within a version", V2, { ...SPEC, vrf: "red" }, V2, { ...SPEC, vrf: "red" }],
];

describe("a BGPPeer", () => {
  test.each(ROWS)("%s", (_what, from, spec, to, expected) => {
    expect(convertPeer(peer(from, spec), to)).toEqual(peer(to, expected));
  });

  test("of v1beta1 means the same before and after", () => {
    const read = (raw: object) => readObject(raw, 0).object;
    const old = peer(V1, { ...SPEC, holdTime: "90s", nodeSelectors: selectors });
    expect(read(convertPeer(old, V2) as object)).toEqual(read(old));
    expect(read(old)).not.toBeNull();
  });
});

describe("a conversion review", () => {
  const review = (request: object): string =>
    JSON.stringify({ apiVersion: "apiextensions.k8s.io/v1", kind: "ConversionReview", request });

  test("gets every object in the version that is wanted", () => {
    const answer = convertReview(
      review({ uid: "u", desiredAPIVersion: V2, objects: [peer(V1, SPEC), peer(V2, SPEC)] }),
    );
    expect(answer).toMatchObject({ response: { uid: "u", result: { status: "Success" } } });
    expect(answer).toMatchObject({
      response: { convertedObjects: [{ apiVersion: V2 }, { apiVersion: V2, spec: SPEC }] },
    });
  });

  test.each([
    [
      "another kind",
      { uid: "u", desiredAPIVersion: V2, objects: [{ ...peer(V1, SPEC), kind: "Community" }] },
      /Community/,
    ],
    ["another version", { uid: "u", desiredAPIVersion: "metallb.io/v9", objects: [peer(V1, SPEC)] }, /v9/],
    ["no object", { uid: "u", desiredAPIVersion: V2, objects: [5] }, /none/],
  ])("fails as a whole for %s, and says why", (_what, request, why) => {
    const answer = convertReview(review(request));
    expect(answer).toMatchObject({
      response: { uid: "u", convertedObjects: [], result: { status: "Failure", message: expect.stringMatching(why) } },
    });
  });

  test.each(["", "{}", review({}), review({ uid: "u", desiredAPIVersion: V2 })])(
    "that is none gives null: %s",
    (text) => {
      expect(convertReview(text)).toBeNull();
    },
  );
});
