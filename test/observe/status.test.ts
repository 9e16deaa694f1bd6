import { describe, expect, test } from "vitest";
import type { PlannedPeer } from "../../src/announce/compiled.ts";
import type { Table } from "../../src/announce/reference.ts";
import type { SeenNotification } from "../../src/bgp/session/peer.ts";
import { ceaseWithText } from "../../src/bgp/wire/notification.ts";
import { CEASE } from "../../src/bgp/wire/registry.ts";
import { parsePrefix } from "../../src/kernel/ip.ts";
import { Asn, Millis, PeerName, ServiceKey } from "../../src/kernel/units.ts";
import { bfdThreadStatus, NO_BFD } from "../../src/observe/bfdView.ts";
import { decidedText } from "../../src/observe/routesStream.ts";
import { daemonStatus, peersStatus, type RoutesStatus } from "../../src/observe/status.ts";
import { duration, renderPeers, renderRoutes, renderStatus } from "../../src/observe/statusText.ts";
import { bfdSession } from "./bfdSession.ts";
import { attributes, ip, PASSWORD, peer, peerConfig } from "./peers.ts";

const NOW = Millis(100_000);
const WALL = Date.UTC(2026, 0, 1, 12, 0, 0);
const at = (seconds: number): string => new Date(WALL + seconds * 1000).toISOString();
const TEXT = { color: false, wall: WALL };

const seen = (text: string, when: number): SeenNotification => ({
  at: Millis(when),
  notification: ceaseWithText(CEASE.adminShutdown, text),
});

describe("the status of peers", () => {
  test("of an established session shows what was agreed and what the peer can do", () => {
    const p = peer({
      isUp: true,
      wanted: ["192.0.2.10/32"],
      state: { stateChangedAt: Millis(40_000), timesEstablished: 2 },
    });
    const [status] = peersStatus([p], [], NOW, WALL).peers;
    expect(status).toMatchObject({
      name: "tor-a",
      address: "192.0.2.1",
      port: 179,
      state: "Established",
      since: at(-60),
      why: null,
      nextAttemptAt: null,
      localAsn: 64500,
      peerAsn: 64501,
      holdTime: 9,
      keepaliveTime: 3,
      families: ["ipv4-unicast"],
      capabilities: ["multiprotocol(ipv4-unicast)", 'fqdn("evil\\u{1b}[2J")'],
      advertised: 1,
      pending: 0,
      timesEstablished: 2,
      lastNotificationSent: null,
      lastNotificationReceived: null,
      bfd: null,
      problem: null,
    });
  });

  test("C-088 C-167 of a session that ended shows why, the last NOTIFICATION each way, the retry counter, the next attempt", () => {
    const received = seen("maintenance\u001b[31m", 95_000);
    const p = peer({
      wanted: ["192.0.2.10/32"],
      state: {
        stateChangedAt: Millis(95_000),
        failures: 3,
        idleHold: { until: Millis(103_000), why: "x", damped: false },
        lastEnd: {
          kind: "notificationReceived",
          sent: null,
          received: received.notification,
          detail: "d",
          at: received.at,
        },
        lastNotificationSent: {
          at: Millis(50_000),
          notification: { type: "notification", errorCode: 4, errorSubcode: 0, data: new Uint8Array(0) },
        },
        lastNotificationReceived: received,
      },
    });
    const [status] = peersStatus([p], [], NOW, WALL).peers;
    expect(status).toMatchObject({
      state: "Active",
      since: at(-5),
      why: 'it sent Cease/Administrative Shutdown (6/2): "maintenance\\u{1b}[31m"',
      nextAttemptAt: at(3),
      holdTime: 90,
      keepaliveTime: 30,
      capabilities: [],
      advertised: 0,
      pending: 1,
      connectRetryCounter: 3,
      lastNotificationSent: { code: 4, subcode: 0, name: "Hold Timer Expired", text: null, at: at(-50) },
      lastNotificationReceived: {
        code: 6,
        subcode: 2,
        name: "Cease/Administrative Shutdown",
        text: "maintenance\\u{1b}[31m",
        at: at(-5),
      },
    });
  });

  test("a pause that is over is not announced as a next attempt", () => {
    const idleHold = { until: NOW, why: "", damped: false };
    expect(peersStatus([peer({ state: { idleHold } })], [], NOW, WALL).peers[0]?.nextAttemptAt).toBeNull();
  });

  test("lists peers that cannot run with their problem, all by name", () => {
    const planned = [
      { name: "a-broken", config: null, problem: "the Secret x is missing" },
      { name: "tor-a", config: peerConfig(), problem: null },
    ];
    const { peers } = peersStatus([peer()], planned, NOW, WALL);
    expect(peers.map((p) => [p.name, p.state, p.problem])).toEqual([
      ["a-broken", "Idle", "the Secret x is missing"],
      ["tor-a", "Active", null],
    ]);
  });

  test("C-259 contains no password", () => {
    expect(JSON.stringify(peersStatus([peer(), peer({ isUp: true })], [], NOW, WALL))).not.toContain(PASSWORD);
  });
});

const prefix = (text: string) => {
  const value = parsePrefix(text);
  if (value === null) throw new Error(text);
  return value;
};

const planned = (name: string, over: Partial<PlannedPeer> = {}): PlannedPeer => ({
  name: PeerName(name),
  ref: { kind: "BGPPeer", namespace: "metallb-system", name },
  config: peerConfig({ name: PeerName(name) }),
  problem: null,
  problemPath: null,
  ...over,
});

/** The page as its reader has it. */
const routesStatus = ({ peers }: Table, only: string | null = null): RoutesStatus =>
  JSON.parse(
    [
      ...decidedText(
        table,
        peers.filter((p) => only === null || p.name === only),
      ),
    ].join(""),
  );

const table: Table = {
  peers: [planned("tor-a"), planned("tor-b", { config: null, problem: "no Secret" })],
  routes: new Map([
    [
      PeerName("tor-a"),
      new Map(
        ["192.0.2.10/32", "192.0.2.9/32"].map((text) => [
          text,
          {
            prefix: prefix(text),
            attributes: { ...attributes, localPref: 200, communities: [0xffffff01, (65000 << 16) + 1] },
            services: [ServiceKey("default", "web")],
          },
        ]),
      ),
    ],
  ]),
  decisions: new Map(),
  problems: [],
};

describe("the status of a peer without a session, or without a next hop", () => {
  const statusOf = (options: Parameters<typeof peer>[0]) => peersStatus([peer(options)], [], Millis(0), 0).peers[0];

  test("C-001 says what a peer waits for that this end never dials, also after a session ended", () => {
    const waiting = "waiting for the peer to connect: this end never does";
    const config = { opens: "peer" } as const;
    expect(statusOf({ config, state: { admin: "up" } })?.why).toBe(waiting);
    const lastEnd = { kind: "tcpFailed", sent: null, received: null, detail: "reset", at: Millis(0) } as const;
    expect(statusOf({ config, state: { admin: "up", lastEnd } })?.why).toBe(`reset; ${waiting}`);
  });

  test("C-185 says why a family has no next hop", () => {
    const status = statusOf({ isUp: true, nextHopProblems: [["ipv6-unicast", "no next hop"]] });
    expect(status?.nextHopProblems).toEqual({ "ipv6-unicast": "no next hop" });
  });

  test("names the interface of an unnumbered peer that has not been heard", () => {
    expect(statusOf({ config: { address: null, interface: "eth0" }, state: { admin: "up" } })).toMatchObject({
      address: "eth0",
      why: "no router advertisement has been heard on eth0",
    });
  });
});

describe("the status of routes", () => {
  test("has the shape of check, sorted by prefix, without localPref for external peers", () => {
    const route = {
      nextHop: "self",
      localPref: null,
      med: null,
      asPathPrepend: 0,
      communities: ["no-export", "65000:1"],
      largeCommunities: [],
      services: ["default/web"],
    };
    expect(routesStatus(table)).toEqual({
      peers: {
        "tor-a": {
          problem: null,
          routes: [
            { prefix: "192.0.2.9/32", ...route },
            { prefix: "192.0.2.10/32", ...route },
          ],
        },
        "tor-b": { problem: "no Secret", routes: [] },
      },
    });
  });

  test("can be asked for one peer, and is empty before the first decision", () => {
    expect(Object.keys(routesStatus(table, "tor-b").peers)).toEqual(["tor-b"]);
    expect(routesStatus(table, "none").peers).toEqual({});
    expect([...decidedText(null, [])].join("")).toBe('{"peers":{}}\n');
  });
});

const status = daemonStatus(
  {
    version: "1.2.3",
    node: "worker-1",
    notReady: null,
    injected: { prefixes: 3, persistent: 1 },
    drain: null,
    shadow: null,
    source: { kind: "manifests", location: "/etc/vipcast/manifests", resources: [] },
    allocations: {
      services: {
        "default/a": { ips: ["192.0.2.1"], pool: "p1", event: null, reason: null, detail: null },
        "default/b": { ips: [], pool: null, event: "AllocationFailed", reason: "AllocationFailed", detail: "no room" },
      },
      pools: { p1: { assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 0, availableIPv6: 0 } },
    },
    problems: [
      {
        severity: "error",
        kind: "BGPPeer",
        namespace: "metallb-system",
        name: "tor-b",
        path: "spec.peerASN",
        message: `0 is not an AS number ${"and so on ".repeat(30)}`,
        hint: "Write the AS of the router.",
        file: "peers.yaml",
        line: 12,
      },
    ],
    startedAt: Millis(35_000),
    peers: peersStatus([peer({ isUp: true }), peer()], [], NOW, WALL),
    decisions: [
      { announced: true, reason: null },
      { announced: false, reason: "noEndpoints" },
      { announced: false, reason: "notLoadBalancer" },
    ],
    bfd: bfdThreadStatus({
      ...NO_BFD,
      thread: { kind: "native", kindReason: null, schedulingClass: "nice", schedulingReason: "needs CAP_SYS_NICE" },
      lateness: { counts: [], sum: 0, max: 12_340 },
      drops: { ttl: 0, version: 5, kernel: 2 },
      stalls: 1,
    }),
  },
  NOW,
  WALL,
);

test("the status of the daemon counts peers and candidates", () => {
  expect(status).toMatchObject({
    startedAt: at(-65),
    uptimeSeconds: 65,
    peers: { total: 2, established: 1 },
    services: { total: 2, announced: 1 },
  });
});

describe("the BFD thread in the status of the daemon", () => {
  test("has its class, why it is no better one, its lateness and what was dropped", () => {
    expect(status.bfd).toEqual({
      kind: "native",
      kindReason: null,
      schedulingClass: "nice",
      schedulingReason: "needs CAP_SYS_NICE",
      greatestLatenessMs: 12.34,
      stalls: 1,
      restarts: 0,
      drops: { version: 5, kernel: 2 },
    });
    expect(renderStatus(status, TEXT)).toContain(
      "bfd       thread of class nice (needs CAP_SYS_NICE), at most 12.3 ms late, 1 stalls, 7 packets",
    );
  });

  test("is null while none runs, and then nothing is said of it", () => {
    expect(bfdThreadStatus(NO_BFD)).toBeNull();
    expect(renderStatus({ ...status, bfd: null }, TEXT)).not.toContain("bfd");
  });
});

test("addresses given are in the document and counted in the text", () => {
  expect(status.allocations?.services["default/a"]?.ips).toEqual(["192.0.2.1"]);
  expect(renderStatus(status, TEXT)).toContain("addresses given to 1 of 2 services, 1 failed\n");
  expect(renderStatus({ ...status, allocations: null }, TEXT)).not.toContain("addresses given");
});

describe("the text for people", () => {
  const long = "x".repeat(150);
  const peersDoc = peersStatus(
    [
      peer({ isUp: true, config: { name: PeerName(long) } }),
      peer({
        config: {
          name: PeerName("b"),
          address: ip("2001:db8:1111:2222:3333:4444:5555:6666"),
          peerAsn: Asn(4294967295),
        },
        state: { lastNotificationReceived: seen(`${"very ".repeat(40)}long`, 1000) },
      }),
    ],
    [{ name: "c", config: null, problem: `problem ${long}` }],
    NOW,
    WALL,
  );
  const texts: [string, string][] = [
    ["peers", renderPeers(peersDoc, TEXT)],
    [
      "routes",
      renderRoutes(
        routesStatus({ ...table, peers: [planned("tor-a"), planned("b", { config: null, problem: long })] }),
        TEXT,
      ),
    ],
    ["status", renderStatus(status, TEXT)],
  ];
  test.each(texts)("of %s stays within 100 columns and ends with a newline", (_name, text) => {
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    expect(text.endsWith("\n")).toBe(true);
    expect(text).not.toContain("\u001b");
  });

  test("of peers says state, for how long, why not, and what came last", () => {
    const p = peer({
      state: {
        stateChangedAt: Millis(35_000),
        idleHold: { until: Millis(102_500), why: "", damped: false },
        lastEnd: { kind: "tcpFailed", sent: null, received: null, detail: "connection refused", at: Millis(1) },
        lastNotificationReceived: seen("bye", 90_000),
      },
    });
    expect(renderPeers(peersStatus([p], [], NOW, WALL), TEXT)).toBe(
      [
        "PEER   ADDRESS    AS     STATE   FOR    SENT  RECEIVED",
        "tor-a  192.0.2.1  64501  Active  1m05s  0     0",
        "    no session: connection refused",
        "    next attempt in 2s",
        "    offered: hold 90 s, keepalive 30 s, ipv4-unicast",
        '    last received: Cease/Administrative Shutdown (6/2) "bye", 10s ago',
        "",
      ].join("\n"),
    );
  });

  test("is coloured only on request, and colour changes no other character", () => {
    const colored = renderPeers(peersDoc, { ...TEXT, color: true });
    expect(colored).toContain("\u001b[32mEstablished\u001b[0m");
    const plain = colored.split("\u001b").map((part, i) => (i === 0 ? part : part.replace(/^\[\d+m/, "")));
    expect(plain.join("")).toBe(renderPeers(peersDoc, TEXT));
  });

  test.each([
    [-5, "0s"],
    [59_999, "59s"],
    [60_000, "1m00s"],
    [3_599_000, "59m59s"],
    [3_600_000, "1h00m"],
    [86_400_000, "1d0h"],
  ])("a span of %d ms reads %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("BFD in the status of peers", () => {
  const transition = {
    at: 999_000,
    from: "Up",
    to: "Down",
    reason: "detectionTimeExpired",
    localDiag: 1,
    remoteDiag: 0,
  } as const;
  const session = bfdSession({ transitions: [transition] });
  const status = peersStatus([peer()], [], Millis(1_000_000), Date.UTC(2026, 0, 1), [
    { peer: "tor-a", isStrict: true, session },
  ]);

  test("the document has states, diagnostics, discriminators, intervals and the last transitions", () => {
    expect(status.peers[0]?.bfd).toMatchObject({
      state: "Down",
      diag: "control detection time expired",
      localDiscr: 7,
      remoteDiscr: 8,
      strict: true,
      transmitIntervalMs: 300,
      detectionTimeMs: 900,
      packetsIn: 11,
      transitions: [{ at: "2025-12-31T23:59:59.000Z", from: "Up", to: "Down", reason: "detectionTimeExpired" }],
    });
  });

  test("people read why it is down and for how long", () => {
    const text = renderPeers(status, { color: false, wall: Date.UTC(2026, 0, 1) });
    expect(text).toContain("BFD Down for 1s: control detection time expired; the peer says Down");
  });

  test("a peer without it has none", () => {
    expect(peersStatus([peer()], [], Millis(0), 0).peers[0]?.bfd).toBeNull();
  });
});
