import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AnnotatedKind, readAnnotations, settingPath } from "../../src/announce/annotations.ts";
import { ip } from "./builders.ts";

const read = (kind: AnnotatedKind, name: string, text: string) => readAnnotations(kind, [[`vipcast.io/${name}`, text]]);

describe("values", () => {
  test.each<[AnnotatedKind, string, string, object]>([
    ["BGPPeer", "opens", "us", { opens: "us" }],
    ["BGPPeer", "opens", "peer", { opens: "peer" }],
    ["BGPPeer", "opens", "both", { opens: "both" }],
    ["BGPPeer", "gtsm-hops", "1", { gtsmHops: 1 }],
    ["BGPPeer", "gtsm-hops", "254", { gtsmHops: 254 }],
    ["BGPPeer", "send-hold-time", "8m", { sendHoldTime: 480 }],
    ["BGPPeer", "send-hold-time", "90", { sendHoldTime: 90 }],
    ["BGPPeer", "send-hold-time", "65535s", { sendHoldTime: 65535 }],
    ["BGPPeer", "next-hop", "10.0.0.1", { nextHop: ip("10.0.0.1") }],
    ["BGPPeer", "next-hop", "169.254.0.1", { nextHop: ip("169.254.0.1") }],
    ["BGPPeer", "next-hop-v6", "2001:db8::1", { nextHopV6: ip("2001:db8::1") }],
    ["BGPPeer", "next-hop-v6", "fd00::1", { nextHopV6: ip("fd00::1") }],
    ["BGPPeer", "max-prefixes", "0", { maxPrefixes: 0 }],
    ["BGPPeer", "max-prefixes", "4294967295", { maxPrefixes: 4294967295 }],
    ["BGPPeer", "keep-received", "true", { keepReceived: true }],
    ["BGPPeer", "keep-received", "false", { keepReceived: false }],
    ["BGPPeer", "restart-time", "4095s", { restartTime: 4095 }],
    ["BGPPeer", "restart-time", "1", { restartTime: 1 }],
    ["BGPAdvertisement", "med", "0", { med: 0 }],
    ["Service", "med", "4294967295", { med: 4294967295 }],
    ["Service", "as-path-prepend", "0", { asPathPrepend: 0 }],
    ["BGPAdvertisement", "as-path-prepend", "10", { asPathPrepend: 10 }],
  ])("%s %s: %s", (kind, name, text, settings) => {
    expect(read(kind, name, text)).toEqual({ settings, faults: [] });
  });

  test.each<[AnnotatedKind, string, readonly string[]]>([
    ["BGPPeer", "opens", ["", "Both", "they", "us,peer"]],
    ["BGPPeer", "gtsm-hops", ["0", "255", "-1", "1.5", "01", " 1", "", "one"]],
    ["BGPPeer", "send-hold-time", ["0s", "-1s", "65536s", "1500ms", "soon", "", "1e3"]],
    ["BGPPeer", "next-hop", ["2001:db8::1", "10.0.0", "0.0.0.0", "0.0.0.1", "127.0.0.1", "224.0.0.1", "240.0.0.1", ""]],
    ["BGPPeer", "next-hop", ["255.255.255.255", "10.0.0.1/32", "tor.example"]],
    ["BGPPeer", "next-hop-v6", ["10.0.0.1", "::", "::1", "ff02::1", "fe80::1", "fe80::1%eth0", "::ffff:10.0.0.1"]],
    ["BGPPeer", "max-prefixes", ["-1", "4294967296", "many"]],
    ["BGPPeer", "keep-received", ["yes", "True", "1", ""]],
    ["BGPPeer", "restart-time", ["0", "4096", "4096s", "999ms"]],
    ["Service", "med", ["-1", "4294967296", "low", "0x10", "99999999999999999999"]],
    ["BGPAdvertisement", "as-path-prepend", ["11", "-1", "two"]],
  ])("%s %s refuses %j", (kind, name, texts) => {
    for (const text of texts) {
      const { settings, faults } = read(kind, name, text);
      expect([settings, faults], text).toMatchObject([{}, [{ severity: "error", key: `vipcast.io/${name}` }]]);
      expect(settings).toEqual({});
      // the message can be read behind the path, and shows what was written
      expect(faults[0]?.said.message, text).toMatch(/^is |^"/);
      expect(faults[0]?.said.message).toContain(JSON.stringify(text));
    }
  });
});

describe("names", () => {
  test.each<[AnnotatedKind, string, string, string]>([
    ["BGPPeer", "gtsm-hop", "is not a known annotation and has no effect", 'Did you mean "gtsm-hops"?'],
    ["BGPPeer", "Opens", "is not a known annotation and has no effect", 'Did you mean "opens"?'],
    ["BGPPeer", "med", "has no effect on kind BGPPeer", "It belongs on BGPAdvertisement or Service."],
    ["Service", "opens", "has no effect on kind Service", "It belongs on BGPPeer."],
    ["IPAddressPool", "med", "has no effect on kind IPAddressPool", "It belongs on BGPAdvertisement or Service."],
    [
      "Service",
      "quux",
      "is not a known annotation and has no effect",
      "There are: med, as-path-prepend, announce-delay, withdraw-delay, require-family-endpoints.",
    ],
    ["Community", "quux", "is not a known annotation and has no effect", "Remove it."],
    [
      "Service",
      "",
      "is not a known annotation and has no effect",
      "There are: med, as-path-prepend, announce-delay, withdraw-delay, require-family-endpoints.",
    ],
    [
      "Service",
      "constructor",
      "is not a known annotation and has no effect",
      "There are: med, as-path-prepend, announce-delay, withdraw-delay, require-family-endpoints.",
    ],
  ])("%s vipcast.io/%s", (kind, name, message, hint) => {
    expect(read(kind, name, "1")).toEqual({
      settings: {},
      faults: [{ severity: "warning", key: `vipcast.io/${name}`, said: { message, hint } }],
    });
  });
  test("those of others are passed over", () => {
    const others = ["metallb.io/med", "vipcast.io", "x.vipcast.io/med", "med"].map((key) => [key, "x"] as const);
    expect(readAnnotations("Service", others)).toEqual({ settings: {}, faults: [] });
  });
  test("one fault does not hide another, nor a good value", () => {
    const { settings, faults } = readAnnotations("BGPPeer", [
      ["vipcast.io/opens", "they"],
      ["vipcast.io/max-prefixes", "9"],
      ["vipcast.io/gtsm-hops", "999"],
    ]);
    expect([settings, faults.map((f) => f.key)]).toEqual([
      { maxPrefixes: 9 },
      ["vipcast.io/opens", "vipcast.io/gtsm-hops"],
    ]);
  });
  test("the path of a setting names its annotation", () => {
    expect(settingPath("asPathPrepend")).toBe('metadata.annotations["vipcast.io/as-path-prepend"]');
  });
});

test("any text is a value or a fault", () => {
  const name = fc.constantFrom("opens", "gtsm-hops", "send-hold-time", "next-hop", "next-hop-v6", "keep-received", "x");
  fc.assert(
    fc.property(name, fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.nat().map(String)), (n, text) => {
      const { settings, faults } = read("BGPPeer", n, text);
      expect(Object.keys(settings).length + faults.length).toBe(1);
    }),
    { numRuns: 300 },
  );
});
