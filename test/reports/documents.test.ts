// What each report says, as the cluster gets it: golden documents after MetalLB's (metallb-compat 1.8, 5.6), and the bodies of writes.
import { describe, expect, test } from "vitest";
import { decideAll } from "../../src/announce/reference.ts";
import { parseIp } from "../../src/kernel/ip.ts";
import type { ConfigProblem } from "../../src/kernel/problem.ts";
import { ServiceKey } from "../../src/kernel/units.ts";
import {
  configurationState,
  configurationStateKind,
  MAX_CONDITION_MESSAGE,
} from "../../src/reports/configurationState.ts";
import { createBody, isOlder, metadataPatch, readSeen, statusPatch } from "../../src/reports/report.ts";
import { eventOf } from "../../src/reports/serviceEvents.ts";
import { serviceStatus, serviceStatusKind } from "../../src/reports/serviceStatus.ts";
import { peerLabel, sessionState, sessionStateKind } from "../../src/reports/sessionState.ts";
import { ObjectSet } from "../../src/sources/objectSet.ts";
import { ObjectStore } from "../../src/sources/store.ts";
import { adv, N1, POOL, peer, ready, svc, toRouter } from "../compat/world.ts";
import { decision, facts } from "./decisions.ts";

const WEB = ServiceKey("shop", "web");
const OWNER = { apiVersion: "v1", kind: "Pod", name: "speaker-x", uid: "u1" };
const WALL = Date.parse("2026-01-31T12:00:00.789Z");

const problem = (kind: string, name: string, over: Partial<ConfigProblem> = {}): ConfigProblem => ({
  severity: "error",
  kind,
  namespace: "metallb-system",
  name,
  path: "spec.peerAddress",
  message: "is required",
  hint: "Write it.",
  ...over,
});

describe("ServiceBGPStatus", () => {
  test("has MetalLB's name, labels and fields", () => {
    const report = serviceStatus("n1", WEB, decision([["b", "a"], "b", "c"]));
    expect(report).toEqual({
      key: "shop/web",
      metadata: { generateName: "bgp-" },
      labels: { "metallb.io/node": "n1", "metallb.io/service-name": "web", "metallb.io/service-namespace": "shop" },
      status: { node: "n1", serviceName: "web", serviceNamespace: "shop", peers: ["a", "b", "c"] },
      urgent: "",
    });
    if (report === null) throw new Error("no report");
    expect(createBody(serviceStatusKind("n1"), report, OWNER, "metallb-system")).toEqual({
      apiVersion: "metallb.io/v1beta1",
      kind: "ServiceBGPStatus",
      metadata: {
        generateName: "bgp-",
        namespace: "metallb-system",
        labels: report.labels,
        ownerReferences: [OWNER],
      },
    });
  });

  test("names no peer without the family of the addresses (Q-07), nor those of another Service with the same prefix (Q-08)", () => {
    const store = new ObjectStore();
    const peerTo = (name: string, address: string) => peer(name, toRouter(address));
    const docs = [
      N1,
      POOL,
      peerTo("v4", "10.0.0.1"),
      peerTo("v6", "2001:db8:f::1"),
      peerTo("other", "10.0.0.2"),
      // both Services are in 192.0.2.0/24, of which the peers get different parts
      adv("all", "aggregationLength: 24, peers: [v4, v6]"),
      adv("one", "aggregationLength: 32, peers: [other], serviceSelectors: [{matchLabels: {to: other}}]"),
      ...["web", "db"].flatMap((name, i) => [
        svc(name, `192.0.2.${i + 1}`, "", name === "db" ? "labels: {to: other}" : ""),
        ready(name, "n1"),
      ]),
    ];
    new ObjectSet(store).setFile("all.yaml", docs.join("\n---\n"));
    const { decisions } = decideAll(store, { nodeName: "n1", lbClass: "", ignoreExcludeLb: false, routerId: null });
    const peersOf = (name: string) => {
      const key = ServiceKey("default", name);
      return serviceStatus("n1", key, decisions.get(key))?.status.peers;
    };
    expect([peersOf("web"), peersOf("db")]).toEqual([["v4"], ["other", "v4"]]);
  });

  test.each([
    ["a Service that is withdrawn", decision([])],
    ["a Service that is gone", undefined],
    ["a Service that no peer gets", decision([[]])],
  ])("there is none of %s", (_what, given) => {
    expect(serviceStatus("n1", WEB, given)).toBeNull();
  });

  test.each([
    ["its own", { "metallb.io/node": "n1" }, "shop/web"],
    ["another node's", { "metallb.io/node": "n2" }, null],
    ["one that names no Service", { "metallb.io/node": "n1", "metallb.io/service-name": "" }, null],
  ])("an object is told to be %s by its labels", (_what, labels, key) => {
    const all = { "metallb.io/service-name": "web", "metallb.io/service-namespace": "shop", ...labels };
    expect(serviceStatusKind("n1").keyOf({ name: "bgp-x", labels: all })).toBe(key);
  });
});

describe("ConfigurationState", () => {
  test("of a good configuration is MetalLB's", () => {
    expect(configurationState("n1", [problem("BGPPeer", "a", { severity: "warning" })], WALL)).toMatchObject({
      metadata: { name: "speaker-n1" },
      labels: { "metallb.io/component-type": "speaker", "metallb.io/node-name": "n1" },
      status: {
        result: "Valid",
        errorSummary: "",
        conditions: [
          {
            type: "configReconcilerValid",
            status: "True",
            lastTransitionTime: "2026-01-31T12:00:00Z",
            reason: "Reconciled",
            message: "",
          },
        ],
      },
    });
  });

  test("lists every object that is out, once, in an order of its own", () => {
    const found = [
      problem("BGPPeer", "b"),
      problem("BGPPeer", "a", { path: "" }),
      problem("BGPPeer", "b"),
      problem("Service", "web", { namespace: "shop" }),
    ];
    const message =
      "configuration error: BGPPeer metallb-system/a: is required\nBGPPeer metallb-system/b: spec.peerAddress: is required";
    expect(configurationState("n1", found, WALL).status).toEqual({
      result: "Invalid",
      errorSummary: message,
      conditions: [
        {
          type: "configReconcilerValid",
          status: "False",
          lastTransitionTime: "2026-01-31T12:00:00Z",
          reason: "ConfigurationError",
          message,
        },
      ],
    });
  });

  test("says how many objects there was no room for", () => {
    const found = Array.from({ length: 2_000 }, (_, i) => problem("BGPPeer", `peer-${i}`));
    const { errorSummary } = configurationState("n1", found, WALL).status;
    expect(String(errorSummary).length).toBeLessThan(MAX_CONDITION_MESSAGE + 100);
    expect(errorSummary).toMatch(/\nand 1\d{3} more$/);
  });

  test("keeps the moment of its last transition as long as the status does", () => {
    const kind = configurationStateKind("n1");
    const before = configurationState("n1", [problem("BGPPeer", "a")], WALL);
    const stored = readSeen({ metadata: { name: "speaker-n1", resourceVersion: "7" }, status: before.status });
    expect(statusPatch(kind, stored, configurationState("n1", [problem("BGPPeer", "a")], WALL + 60_000))).toBeNull();
    const other = statusPatch(kind, stored, configurationState("n1", [problem("BGPPeer", "b")], WALL + 60_000));
    expect(other).toMatchObject({ status: { conditions: [{ lastTransitionTime: "2026-01-31T12:00:00Z" }] } });
    const good = statusPatch(kind, stored, configurationState("n1", [], WALL + 60_000));
    expect(good).toMatchObject({ status: { conditions: [{ lastTransitionTime: "2026-01-31T12:01:00Z" }] } });
  });
});

describe("BGPSessionState", () => {
  test("has FRR-K8s' fields, and since, last error, port and BGPPeer besides", () => {
    const given = facts("tor-a", "2001:db8::1", {
      bgpStatus: "Active",
      bfd: "adminDown",
      vrf: "red",
      port: 1179,
      lastError: "connection refused",
    });
    expect(sessionState("n1", given)).toEqual({
      key: "2001-0db8-0000-0000-0000-0000-0000-0001|1179|red",
      metadata: { generateName: "n1-" },
      labels: {
        "vipcast.io/node": "n1",
        "vipcast.io/peer": "2001-0db8-0000-0000-0000-0000-0000-0001",
        "vipcast.io/port": "1179",
        "vipcast.io/vrf": "red",
      },
      status: {
        node: "n1",
        peer: "2001-0db8-0000-0000-0000-0000-0000-0001",
        vrf: "red",
        bgpStatus: "Active",
        bfdStatus: "shutdown",
        port: 1179,
        bgpPeer: "tor-a",
        since: "2026-01-31T12:00:00Z",
        lastError: "connection refused",
      },
      urgent: "false shutdown",
    });
  });

  test.each([
    [null, "N/A"],
    ["up", "up"],
    ["down", "down"],
    ["unknown", "down"],
    ["adminDown", "shutdown"],
  ] as const)("BFD that is %s reads %s", (bfd, word) => {
    expect(sessionState("n1", facts("a", "192.0.2.1", { bfd })).status).toMatchObject({ bfdStatus: word, vrf: "" });
  });

  test("an unnumbered peer is its interface", () => {
    const given = facts("a", "", { address: null, interface: "eth1", since: null });
    expect(sessionState("n1", given).status).toMatchObject({ peer: "eth1", lastError: "" });
    expect(sessionState("n1", given).status).not.toHaveProperty("since");
  });

  test("a stored object has the key of the report it was made from", () => {
    for (const given of [facts("a", "192.0.2.1"), facts("b", "fe80::1", { vrf: "red", port: 1 })]) {
      const { labels, key } = sessionState("n1", given);
      expect(sessionStateKind("n1").keyOf({ name: "n1-x", labels })).toBe(key);
      expect(sessionStateKind("n2").keyOf({ name: "n1-x", labels })).toBeNull();
    }
  });

  test("labels have no colon", () => {
    const ip = parseIp("fe80::abcd");
    expect(ip === null ? "" : peerLabel(ip)).toBe("fe80-0000-0000-0000-0000-0000-0000-abcd");
  });
});

describe("an Event", () => {
  const target = { namespace: "shop", name: "web", uid: "u" };
  test("of an announcement is MetalLB's to the letter", () => {
    expect(eventOf(false, decision(["a"]), target, "n1")).toEqual({
      target,
      component: "metallb-speaker",
      type: "Normal",
      reason: "nodeAssigned",
      message: 'announcing from node "n1" with protocol "bgp"',
    });
  });

  test("of a withdrawal has the reason", () => {
    expect(eventOf(true, decision([]), target, "n1")).toMatchObject({
      component: "vipcast-speaker",
      reason: "nodeWithdrawn",
      message:
        'no longer announcing from node "n1" with protocol "bgp": noEndpoints: no EndpointSlice of Service default/web has a ready endpoint',
    });
  });

  test.each([
    ["it is announced as before", true, decision(["a"]), target],
    ["it is not announced as before", false, decision([]), target],
    ["the Service is gone", true, undefined, target],
    ["nobody is there to be told", true, decision([]), null],
  ])("is not made when %s", (_what, was, now, whom) => {
    expect(eventOf(was, now, whom, "n1")).toBeNull();
  });
});

describe("a write", () => {
  const report = serviceStatus("n1", WEB, decision(["a"]));
  if (report === null) throw new Error("no report");
  const stored = (over: object, status: object = report.status) =>
    readSeen({
      metadata: { name: "bgp-x", uid: "u", resourceVersion: "5", labels: report.labels, ...over },
      status,
    });

  test("is not made where nothing differs", () => {
    const seen = stored({ ownerReferences: [OWNER] });
    expect([metadataPatch(seen, report, OWNER), statusPatch(serviceStatusKind("n1"), seen, report)]).toEqual([
      null,
      null,
    ]);
  });

  test.each([
    ["nobody owns it", {}],
    ["another Pod owns it", { ownerReferences: [{ ...OWNER, uid: "u0" }] }],
    ["somebody else owns it, too", { ownerReferences: [OWNER, { ...OWNER, uid: "u0" }] }],
    ["a label is missing", { ownerReferences: [OWNER], labels: {} }],
  ])("makes it ours when %s", (_what, metadata) => {
    expect(metadataPatch(stored(metadata), report, OWNER)).toEqual({
      metadata: { resourceVersion: "5", labels: report.labels, ownerReferences: [OWNER] },
    });
  });

  test("takes fields away that are not said any more, and names the version it was made from", () => {
    const seen = stored({}, { ...report.status, peers: ["a", "b"], foreign: 1 });
    expect(statusPatch(serviceStatusKind("n1"), seen, report)).toEqual({
      metadata: { resourceVersion: "5" },
      status: { ...report.status, foreign: null },
    });
  });

  test.each([
    ["9", "10", true],
    ["10", "9", false],
    ["10", "10", false],
    ["a", "b", false],
    ["18446744073709551615", "18446744073709551616", true],
  ])("version %s is older than %s: %s", (version, than, expected) => {
    expect(isOlder(version, than)).toBe(expected);
  });
});
