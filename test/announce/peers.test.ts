import { describe, expect, test } from "vitest";
import type { BGPPeerObject, ModelObject } from "../../src/announce/model.ts";
import { compilePeer, MAX_PASSWORD_OCTETS } from "../../src/announce/peers.ts";
import { RouterId } from "../../src/kernel/units.ts";
import { MAX_MD5_KEY } from "../../src/linux/sockopt.ts";
import { bfdProfile, ip, peer, secret, storeOf } from "./builders.ts";

const build = (over: Partial<BGPPeerObject>, ...objects: ModelObject[]) =>
  compilePeer(peer("tor", "192.0.2.1", over), storeOf(...objects), RouterId(99));

describe("timers (metallb-compat 3.1)", () => {
  test.each<[string, number | null, number | null, number, number]>([
    ["both unset give 180 and 60", null, null, 180, 60],
    ["a hold time alone gives a third of it", 10, null, 10, 3],
    ["a keepalive time alone gives three times as much", null, 7, 21, 7],
    ["both are taken as they stand", 30, 5, 30, 5],
    ["hold time 0 turns keepalives off", 0, null, 0, 0],
    ["explicit zeros stay zeros", 0, 0, 0, 0],
    ["a hold time never exceeds 16 bits", null, 30_000, 65_535, 30_000],
  ])("%s", (_name, holdTime, keepaliveTime, hold, keepalive) => {
    expect(build({ holdTime, keepaliveTime }).config).toMatchObject({ holdTime: hold, keepaliveTime: keepalive });
  });
  test("C-098 connectTime bounds the pause between attempts, 5 s by default", () => {
    expect(build({}).config?.connectRetryTime).toBe(5);
    expect(build({ connectTime: 33 }).config?.connectRetryTime).toBe(33);
  });
});

describe("what a peer is", () => {
  test.each<[string, Partial<BGPPeerObject>, object]>([
    ["localASN stands in for myASN", { localAsn: 65000 }, { localAsn: 65000, peerAsn: 64513 }],
    ["dynamicASN is passed on", { peerAsn: null, dynamicAsn: "internal" }, { peerAsn: "internal" }],
    ["routerID wins over the node's", { routerId: ip("10.0.0.1") }, { routerId: 0x0a00_0001 }],
    ["without routerID the node's is used", {}, { routerId: 99 }],
    ["an IPv4 session carries IPv4", {}, { families: ["ipv4-unicast"] }],
    ["an IPv6 session carries IPv6", { peerAddress: ip("2001:db8::1") }, { families: ["ipv6-unicast"] }],
    [
      "dualStackAddressFamily carries both",
      { dualStackAddressFamily: true },
      { families: ["ipv4-unicast", "ipv6-unicast"] },
    ],
    [
      "vrf, port and source are passed on",
      { vrf: "red", peerPort: 1179 },
      { vrf: "red", port: 1179, sourceAddress: null },
    ],
    ["a clear password is used", { password: "pw" }, { password: "pw" }],
  ])("%s", (_name, over, expected) => {
    const { config, problems } = build(over);
    expect(problems).toEqual([]);
    expect(config).toMatchObject(expected);
  });
});

describe("settings that come from annotations", () => {
  test.each<[string, Partial<BGPPeerObject>, object]>([
    [
      "a plain peer has the defaults",
      {},
      {
        opens: "us",
        gtsmHops: null,
        sendHoldTime: null,
        nextHops: {},
        maxPrefixes: 1_000_000,
        keepReceived: false,
        restartTime: null,
      },
    ],
    ["opens", { settings: { opens: "both" } }, { opens: "both" }],
    ["gtsm-hops", { settings: { gtsmHops: 1 } }, { gtsmHops: 1 }],
    ["send-hold-time", { settings: { sendHoldTime: 200 } }, { sendHoldTime: 200 }],
    ["next-hop", { settings: { nextHop: ip("10.0.0.9") } }, { nextHops: { "ipv4-unicast": ip("10.0.0.9") } }],
    [
      "next-hop-v6",
      { settings: { nextHopV6: ip("2001:db8::9") } },
      { nextHops: { "ipv6-unicast": ip("2001:db8::9") } },
    ],
    ["max-prefixes 0", { settings: { maxPrefixes: 0 } }, { maxPrefixes: 0 }],
    ["keep-received", { settings: { keepReceived: true } }, { keepReceived: true }],
    ["enableGracefulRestart alone means 120 s, as in FRR", { enableGracefulRestart: true }, { restartTime: 120 }],
    [
      "enableGracefulRestart with restart-time",
      { enableGracefulRestart: true, settings: { restartTime: 4095 } },
      { restartTime: 4095 },
    ],
    ["restart-time alone means nothing", { settings: { restartTime: 30 } }, { restartTime: null }],
  ])("%s", (_name, over, expected) => {
    const { config, problems } = build(over);
    expect(problems).toEqual([]);
    expect(config).toMatchObject(expected);
  });
});

describe("C-188 families of a session, as MetalLB's FRR modes have them (metallb-compat 3.7)", () => {
  const six = { peerAddress: ip("2001:db8::1") };
  test.each<[string, Partial<BGPPeerObject>, string[]]>([
    ["over IPv4", {}, ["ipv4-unicast"]],
    ["over IPv6", six, ["ipv6-unicast"]],
    ["of an unnumbered peer", { interface: "eth0", peerAddress: null }, ["ipv4-unicast", "ipv6-unicast"]],
    ["over IPv4 with dualStackAddressFamily", { dualStackAddressFamily: true }, ["ipv4-unicast", "ipv6-unicast"]],
    [
      "over IPv6 with dualStackAddressFamily",
      { ...six, dualStackAddressFamily: true },
      ["ipv4-unicast", "ipv6-unicast"],
    ],
  ])("%s, and disableMP changes nothing", (_name, over, families) => {
    const plain = build(over).config;
    expect(plain?.families).toEqual(families);
    expect(build({ ...over, disableMP: true }).config).toEqual(plain);
  });
});

test("the longest password is what the socket takes", () => {
  expect(MAX_PASSWORD_OCTETS).toBe(MAX_MD5_KEY);
});

describe("what keeps a peer from running, and what only warns", () => {
  const profile = bfdProfile("fast");
  test.each<[string, Partial<BGPPeerObject>, ModelObject[], string[], boolean]>([
    ["a missing Secret", { passwordSecret: "pw" }, [], ["error spec.passwordSecret.name"], false],
    [
      "a Secret of another type",
      { passwordSecret: "pw" },
      [secret("pw", { type: "Opaque" })],
      ["error spec.passwordSecret.name"],
      false,
    ],
    [
      "a Secret without the key",
      { passwordSecret: "pw" },
      [secret("pw", { password: null })],
      ["error spec.passwordSecret.name"],
      false,
    ],
    ["a good Secret", { passwordSecret: "pw" }, [secret("pw")], [], true],
    ["a missing BFD profile", { bfdProfile: "fast" }, [], ["error spec.bfdProfile"], false],
    ["an existing BFD profile", { bfdProfile: "fast" }, [profile], [], true],
    [
      "C-242 echo on a multihop session",
      { bfdProfile: "echo", ebgpMultiHop: true, peerAsn: 64_600 },
      [bfdProfile("echo", { echoMode: true })],
      ["warning spec.bfdProfile"],
      true,
    ],
    [
      "BFD authentication without its Secret",
      { bfdProfile: "fast", settings: { bfdAuthSecret: "bfd" } },
      [profile],
      ['error metadata.annotations["vipcast.io/bfd-auth-secret"]'],
      false,
    ],
    [
      "BFD authentication without a key",
      { bfdProfile: "fast", settings: { bfdAuthType: "keyedSha1" } },
      [profile],
      ['error metadata.annotations["vipcast.io/bfd-auth-type"]'],
      false,
    ],
    [
      "a BFD key that is too long for its type",
      { bfdProfile: "fast", settings: { bfdAuthSecret: "bfd", bfdAuthType: "keyedMd5" } },
      [profile, secret("bfd", { password: "seventeen octets!" })],
      ['error metadata.annotations["vipcast.io/bfd-auth-secret"]'],
      false,
    ],
    [
      "strict BFD without a profile",
      { settings: { bfdStrict: true } },
      [],
      ['warning metadata.annotations["vipcast.io/bfd-strict"]'],
      true,
    ],
    [
      "a Secret with a password that no TCP MD5 key can be",
      { passwordSecret: "pw" },
      [secret("pw", { password: `${"ä".repeat(40)}x` })],
      ["error spec.passwordSecret.name"],
      false,
    ],
    [
      "a Secret with the longest password",
      { passwordSecret: "pw" },
      [secret("pw", { password: "ä".repeat(40) })],
      [],
      true,
    ],
    [
      "a send hold time below the hold time",
      { settings: { sendHoldTime: 179 } },
      [],
      ['warning metadata.annotations["vipcast.io/send-hold-time"]'],
      true,
    ],
    ["a send hold time as long as the hold time", { settings: { sendHoldTime: 180 } }, [], [], true],
    ["disableMP", { disableMP: true }, [], ["warning spec.disableMP"], true],
    ["an interface", { interface: "eth0", peerAddress: null }, [], [], true],
    ["multi-hop to the own AS", { ebgpMultiHop: true, peerAsn: 64512 }, [], ["error spec.ebgpMultiHop"], false],
    ["multi-hop to another AS", { ebgpMultiHop: true }, [], [], true],
    ["an IPv6 router id (Q-02)", { routerId: ip("2001:db8::1") }, [], ["error spec.routerID"], false],
    ["a source of the other family", { sourceAddress: ip("2001:db8::1") }, [], ["error spec.sourceAddress"], false],
  ])("%s", (_name, over, objects, expected, runs) => {
    const { config, problems } = build(over, ...objects);
    expect(problems.map((p) => `${p.severity} ${p.path}`)).toEqual(expected);
    expect(config !== null).toBe(runs);
  });
  test("the password of the Secret is used and never part of a message", () => {
    expect(build({ passwordSecret: "pw" }, secret("pw")).config?.password).toBe("s3cret");
    expect(JSON.stringify(build({ passwordSecret: "pw" }, secret("pw", { type: "x" })).problems)).not.toContain(
      "s3cret",
    );
  });
  test("C-233 a BFD profile's milliseconds become microseconds; strictness comes from the annotation", () => {
    const profile = bfdProfile("fast", { transmitInterval: 50, receiveInterval: 60, detectMultiplier: 4 });
    const { config } = build({ bfdProfile: "fast", settings: { bfdStrict: true } }, profile);
    expect(config?.bfd).toMatchObject({
      isStrict: true,
      profile: { name: "fast", desiredMinTxInterval: 50_000, requiredMinRxInterval: 60_000, detectMult: 4 },
    });
    expect(build({}).config?.bfd).toBeNull();
  });
  test("BFD packets are authenticated with the key of the Secret, meticulously unless said otherwise", () => {
    const settings = { bfdAuthSecret: "bfd", bfdAuthKeyId: 7 };
    const { config } = build({ bfdProfile: "fast", settings }, bfdProfile("fast"), secret("bfd", { password: "key" }));
    expect(config?.bfd?.auth).toEqual({ type: "meticulousKeyedSha1", keyId: 7, key: Uint8Array.of(107, 101, 121) });
  });
  test("every error is listed, not the first", () => {
    const { problems } = build({ ebgpMultiHop: true, peerAsn: 64512, passwordSecret: "pw", bfdProfile: "x" });
    expect(problems.filter((p) => p.severity === "error")).toHaveLength(3);
  });
});
