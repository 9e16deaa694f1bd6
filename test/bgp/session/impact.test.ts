// What an edit costs the session: every field of the configuration alone, then several at once.
import { describe, expect, test } from "vitest";
import { bfdProfile, DEFAULT_PROFILE } from "../../../src/bfd/config.ts";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { decisiveFields, EDIT_EFFECT, type PeerField, sessionImpact } from "../../../src/bgp/session/impact.ts";
import { Asn, PeerName, RouterId, Seconds } from "../../../src/kernel/units.ts";
import { CONFIG, configWith, ip } from "./fixtures.ts";

const profile = bfdProfile({ ...DEFAULT_PROFILE, name: "quick" });

/** One edit per field, each another value than CONFIG's. */
const EDITS: { readonly [K in PeerField]: PeerConfig[K] } = {
  name: PeerName("other"),
  address: ip("192.0.2.2"),
  interface: "eth1",
  port: 1179,
  opens: "us",
  sourceAddress: ip("192.0.2.9"),
  vrf: "red",
  localAsn: Asn(64_999),
  peerAsn: "external",
  routerId: RouterId(77),
  holdTime: Seconds(30),
  keepaliveTime: Seconds(10),
  connectRetryTime: Seconds(60),
  sendHoldTime: Seconds(300),
  password: "secret",
  ebgpMultihop: true,
  gtsmHops: 1,
  families: ["ipv4-unicast", "ipv6-unicast"],
  nextHops: { "ipv4-unicast": ip("192.0.2.77") },
  restartTime: Seconds(120),
  maxPrefixes: 10,
  keepReceived: true,
  bfd: { profile, auth: null, isStrict: true },
};

const LIVE = [
  "name",
  "opens",
  "keepaliveTime",
  "connectRetryTime",
  "sendHoldTime",
  "maxPrefixes",
  "keepReceived",
  "bfd",
];

describe("one field", () => {
  test.each(Object.keys(EDITS) as PeerField[])(
    "an edit of %s costs what the OPEN or the socket shows of it",
    (field) => {
      const expected = LIVE.includes(field) ? "live" : field === "nextHops" ? "readvertise" : "reset";
      const edited = configWith({ [field]: EDITS[field] });
      expect(sessionImpact(CONFIG, edited)).toEqual({ kind: expected, fields: [field] });
      expect(sessionImpact(edited, CONFIG)).toEqual({ kind: expected, fields: [field] });
      expect(EDIT_EFFECT[field]).toBe(expected);
    },
  );
});

describe("several fields", () => {
  test("no difference is no impact, whichever objects carry the values", () => {
    expect(sessionImpact(CONFIG, structuredClone(CONFIG))).toEqual({ kind: "none", fields: [] });
  });

  test("the most expensive one decides, and only it is the reason", () => {
    const { name, nextHops, holdTime, password } = EDITS;
    const live = sessionImpact(CONFIG, configWith({ name, nextHops }));
    expect([live.kind, live.fields, decisiveFields(live)]).toEqual(["readvertise", ["name", "nextHops"], ["nextHops"]]);
    const reset = sessionImpact(CONFIG, configWith({ name, nextHops, holdTime, password }));
    expect([reset.kind, decisiveFields(reset)]).toEqual(["reset", ["holdTime", "password"]]);
    expect(decisiveFields(sessionImpact(CONFIG, CONFIG))).toEqual([]);
  });
});
