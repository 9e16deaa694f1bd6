// Reports over sockets, against the API server for tests: what is in the cluster afterwards, and how often it was asked for.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SPEAKER_PERMISSIONS } from "../../src/kube/permissions.ts";
import { WATCHED } from "../../src/kube/resources.ts";
import { objectsIn, readConfig } from "../deploy/manifests.ts";
import { serviceAccount } from "../kube/access.ts";
import { type ApiServer, startApiServer } from "../kube/apiServer.ts";
import type { JsonObject } from "../kube/objects.ts";
import { facts } from "./decisions.ts";
import { furnish, HOME, plain, Station, statusOf, until } from "./station.ts";

let server: ApiServer;
const stations: Station[] = [];
beforeEach(async () => {
  server = await startApiServer({ bookmarkEveryMs: 200 });
  furnish(server);
});
afterEach(async () => {
  for (const station of stations.splice(0)) station.stop();
  await server.stop();
});

function station(...of: ConstructorParameters<typeof Station> extends [ApiServer, ...infer R] ? R : never): Station {
  const made = new Station(server, ...of);
  stations.push(made);
  return made;
}

const names = (kind: string): readonly string[] => server.list(kind).map((o) => o.metadata.name);
const owner = (kind: "Pod" | "Node", name: string) => ({
  apiVersion: "v1",
  kind,
  name,
  uid: server.get(kind, kind === "Pod" ? HOME : "", name).metadata.uid,
});

describe("reports", () => {
  test("are written as MetalLB writes them, owned by the Pod, each with as few requests as there can be", async () => {
    const node = station({ podName: "pod-n1" });
    node.announce("web", ["tor-b", "tor-a"]);
    node.peers = [facts("tor-a", "192.0.2.1")];
    node.begin();
    await node.rest();
    const ownerReferences = [owner("Pod", "pod-n1")];
    expect(plain(server.list("ServiceBGPStatus"))).toEqual([
      {
        apiVersion: "metallb.io/v1beta1",
        kind: "ServiceBGPStatus",
        metadata: {
          name: expect.stringMatching(/^bgp-[a-z0-9]{5}$/),
          namespace: HOME,
          labels: {
            "metallb.io/node": "n1",
            "metallb.io/service-name": "web",
            "metallb.io/service-namespace": "default",
          },
          ownerReferences,
        },
        status: { node: "n1", serviceName: "web", serviceNamespace: "default", peers: ["tor-a", "tor-b"] },
      },
    ]);
    expect(plain(server.list("ConfigurationState"))).toMatchObject([
      { metadata: { name: "speaker-n1", ownerReferences }, status: { result: "Valid", errorSummary: "" } },
    ]);
    expect(plain(server.list("BGPSessionState"))).toMatchObject([
      { metadata: { ownerReferences }, status: { peer: "192.0.2.1", bgpStatus: "Established", bfdStatus: "N/A" } },
    ]);
    expect([...node.writes].sort()).toEqual([
      "create bgpsessionstates",
      "create configurationstates",
      "create events",
      "create servicebgpstatuses",
      "patch bgpsessionstates/status",
      "patch configurationstates/status",
      "patch servicebgpstatuses/status",
    ]);
  });

  test("follow what is announced, and go with it", async () => {
    const node = station();
    node.announce("web", ["a"]);
    node.announce("db", ["a"]);
    node.begin();
    await node.rest();
    const web = server.list("ServiceBGPStatus").find((o) => statusOf(o).serviceName === "web");
    node.announce("web", ["a", "b"]);
    node.announce("db", null);
    await node.rest();
    expect(server.list("ServiceBGPStatus").map((o) => statusOf(o).peers)).toEqual([["a", "b"]]);
    expect(names("ServiceBGPStatus")).toEqual([web?.metadata.name]);
    node.announce("web", []);
    await node.rest();
    expect(names("ServiceBGPStatus")).toEqual([]);
  });
});

const BAD = {
  severity: "error",
  kind: "BGPPeer",
  namespace: HOME,
  name: "tor-b",
  path: "spec.peerAddress",
  message: "is required",
  hint: "",
} as const;

describe("a configuration", () => {
  test("that is broken is listed, also before the first decision, and Valid again when it is mended", async () => {
    const node = station();
    node.problems = [BAD];
    node.reporter.start();
    await node.rest();
    const summary = "configuration error: BGPPeer metallb-system/tor-b: spec.peerAddress: is required";
    expect(statusOf(server.list("ConfigurationState")[0])).toMatchObject({ result: "Invalid", errorSummary: summary });
    expect(node.writes).toEqual(["create configurationstates", "patch configurationstates/status"]);
    node.setProblems();
    node.reporter.settled();
    await node.rest();
    expect(statusOf(server.list("ConfigurationState")[0])).toMatchObject({ result: "Valid", errorSummary: "" });
  });

  test("that is not yet known to be good is not said to be", async () => {
    const node = station();
    node.reporter.start();
    await server.requests.until({ verb: "watch" }, 3);
    node.setProblems();
    await node.rest();
    expect(node.writes).toEqual([]);
  });
});

describe("a restart", () => {
  test("changes nothing but the owner, says nothing again, and removes what is no longer so", async () => {
    const before = station({ podName: "pod-n1" });
    for (const name of ["web", "db", "old", "gone"]) before.announce(name, ["a"]);
    before.peers = [facts("a", "192.0.2.1"), facts("b", "192.0.2.2")];
    before.begin();
    await before.rest();
    before.stop();
    const uids = (kind: string) => server.list(kind).map((o) => o.metadata.uid);
    const [services, configuration] = [uids("ServiceBGPStatus"), uids("ConfigurationState")];
    const events = new Set(server.list("Event").map((e) => e.metadata.uid));
    expect(events.size).toBe(4);
    server.apply({ apiVersion: "v1", kind: "Pod", metadata: { name: "pod-2", namespace: HOME }, spec: {} });
    server.requests.clear();
    const after = station({ podName: "pod-2" });
    for (const name of ["web", "db"]) after.announce(name, ["a"]);
    after.announce("old", []);
    after.peers = [facts("a", "192.0.2.1")];
    after.begin();
    await after.rest();
    const left = server.list("ServiceBGPStatus");
    expect(left.map((o) => statusOf(o).serviceName).sort()).toEqual(["db", "web"]);
    expect(left.every((o) => services.includes(o.metadata.uid))).toBe(true);
    expect(uids("ConfigurationState")).toEqual(configuration);
    expect(server.list("BGPSessionState").map((o) => statusOf(o).peer)).toEqual(["192.0.2.1"]);
    for (const object of [...left, ...server.list("ConfigurationState"), ...server.list("BGPSessionState")])
      expect(object.metadata.ownerReferences).toEqual([owner("Pod", "pod-2")]);
    // of the four Services that were announced, only one has news that somebody can be told
    expect(server.list("Event").filter((e) => !events.has(e.metadata.uid))).toMatchObject([
      { reason: "nodeWithdrawn", involvedObject: { name: "old", uid: "uid-of-old" } },
    ]);
    expect(after.writes.filter((w) => w.startsWith("create"))).toEqual(["create events"]);
  });

  test("with everything as it was writes nothing at all", async () => {
    const set = (node: Station): Station => {
      for (let i = 0; i < 50; i++) node.announce(`s${i}`, ["a", "b"]);
      node.peers = [facts("a", "192.0.2.1")];
      node.problems = [BAD];
      return node.begin();
    };
    const before = set(station());
    await before.rest();
    before.stop();
    server.requests.clear();
    const after = set(station());
    await after.rest();
    expect(after.writes).toEqual([]);
    after.setProblems(BAD);
    after.setPeers(facts("a", "192.0.2.1"));
    for (let i = 0; i < 50; i++) after.announce(`s${i}`, ["b", "a"]);
    await after.rest();
    expect(after.writes, "a resync of the same").toEqual([]);
  });

  test("while the other node's objects stay as they are", async () => {
    furnish(server, "n2");
    const other = station({ node: "n2" });
    other.announce("web", ["a"]);
    other.peers = [facts("a", "192.0.2.1")];
    other.begin();
    await other.rest();
    other.stop();
    const kinds = ["ServiceBGPStatus", "ConfigurationState", "BGPSessionState"];
    const before = kinds.flatMap((kind) => server.list(kind));
    const node = station().begin();
    await node.rest();
    const now = kinds.flatMap((kind) => server.list(kind));
    expect(now).toEqual(expect.arrayContaining(before as never));
    expect(now.length).toBe(before.length + 1);
  });
});

describe("trouble", () => {
  test("conflicts are read and written again, and end in one object each", async () => {
    const node = station();
    const storm = server.fault({ type: "status", code: 409 }, { verb: "patch", resource: "servicebgpstatuses" }, 12);
    for (let i = 0; i < 4; i++) node.announce(`s${i}`, ["a"]);
    node.begin();
    await node.rest();
    expect(storm.hits).toBe(12);
    expect(server.list("ServiceBGPStatus").map((o) => statusOf(o).peers)).toEqual(Array(4).fill(["a"]));
    expect(server.requests.count({ verb: "get", resource: "servicebgpstatuses" })).toBe(12);
    expect(server.requests.count({ verb: "patch", resource: "servicebgpstatuses" })).toBe(16);
  });

  test("somebody who writes against us gets an answer each time, in pauses", async () => {
    const node = station();
    node.announce("web", ["a"]);
    node.begin();
    await node.rest();
    const name = names("ServiceBGPStatus")[0] ?? "";
    const stored = server.get("ServiceBGPStatus", HOME, name);
    server.requests.clear();
    const end = performance.now() + 3_500;
    for (let i = 0; performance.now() < end; i++) {
      server.apply({ ...stored, status: { ...statusOf(stored), peers: [`x${i}`] } } as never);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // at 0, 1 and 3 s; a conflict may cost another request each
    expect(server.requests.count({ verb: "patch" })).toBeLessThanOrEqual(8);
    await node.rest();
    expect(statusOf(server.get("ServiceBGPStatus", HOME, name)).peers).toEqual(["a"]);
  });

  test("no permission for one kind is told once with verb and resource, and the others go on", async () => {
    server.forbid({ verb: "create", resource: "servicebgpstatuses" });
    const node = station();
    for (let i = 0; i < 20; i++) node.announce(`s${i}`, ["a"]);
    node.peers = [facts("a", "192.0.2.1")];
    node.begin();
    await until("the others", () => statusOf(server.list("BGPSessionState")[0]).bgpStatus === "Established");
    await until("Events", () => server.list("Event").length === 20);
    expect(server.list("ConfigurationState")).toHaveLength(1);
    expect(node.reporter.problems()).toEqual([
      {
        severity: "warning",
        kind: "ServiceBGPStatus",
        namespace: HOME,
        name: "*",
        path: "",
        message: expect.stringMatching(
          /^no permission to create servicebgpstatuses\.metallb\.io in namespace metallb-system: User /,
        ),
        hint: 'Nothing is announced differently for that. Allow it to the daemon\'s account: apiGroups: ["metallb.io"], resources: ["servicebgpstatuses"], verbs: ["create"].',
      },
    ]);
    const asked = server.requests.count({ verb: "create", resource: "servicebgpstatuses" });
    expect(asked).toBeLessThanOrEqual(4);
    expect([...node.reporter.writes()]).toContainEqual({ kind: "ServiceBGPStatus", result: "forbidden", count: asked });
  });

  test("a kind that may not be listed is not written, since nobody knows what is there", async () => {
    server.forbid({ verb: "list", resource: "bgpsessionstates" });
    const node = station();
    node.announce("web", ["a"]);
    node.peers = [facts("a", "192.0.2.1")];
    node.begin();
    await until("the others", () => statusOf(server.list("ServiceBGPStatus")[0]).node === "n1");
    expect(node.writes.filter((w) => w.includes("bgpsessionstates"))).toEqual([]);
    expect(node.reporter.problems().map((p) => `${p.kind} ${p.message.slice(0, 47)}`)).toEqual([
      "BGPSessionState no permission to list bgpsessionstates.vipcast.",
    ]);
  });

  test("a kind that the server does not have is done without", async () => {
    server.delete("CustomResourceDefinition", "", "bgpsessionstates.vipcast.io");
    const node = station();
    node.announce("web", ["a"]);
    node.peers = [facts("a", "192.0.2.1")];
    node.begin();
    await until("the others", () => statusOf(server.list("ServiceBGPStatus")[0]).node === "n1");
    await until("words", () => node.reporter.problems().length === 1);
    expect(node.reporter.problems()[0]).toMatchObject({ severity: "warning", kind: "BGPSessionState" });
  });

  test("a server that is away is asked seldom, and has everything when it is back, once", async () => {
    const node = station();
    node.announce("web", ["a"]);
    node.begin();
    await node.rest();
    await server.stop();
    for (let i = 0; i < 30; i++) node.announce(`s${i}`, ["a"]);
    node.announce("web", null);
    await until("an attempt", () => [...node.reporter.writes()].some((w) => w.result === "trouble"));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const tried = [...node.reporter.writes()].filter((w) => w.result === "trouble").reduce((n, w) => n + w.count, 0);
    expect(tried).toBeLessThan(40);
    await server.listen();
    await node.rest(30_000);
    const named = server.list("ServiceBGPStatus").map((o) => statusOf(o).serviceName);
    expect([named.length, new Set(named).size, named.includes("web")]).toEqual([30, 30, false]);
  });

  test("answers that never come leave no second object", async () => {
    const node = station();
    server.fault({ type: "cut", afterBytes: 1 }, { verb: "create", resource: "servicebgpstatuses" }, 3);
    for (let i = 0; i < 3; i++) node.announce(`s${i}`, ["a"]);
    node.begin();
    await node.rest();
    expect(
      server
        .list("ServiceBGPStatus")
        .map((o) => statusOf(o).serviceName)
        .sort(),
    ).toEqual(["s0", "s1", "s2"]);
  });
});

describe("the owner", () => {
  test("is the Node where there is no Pod", async () => {
    const node = station().begin();
    await node.rest();
    expect(server.list("ConfigurationState")[0]?.metadata.ownerReferences).toEqual([owner("Node", "n1")]);
  });

  test("is the Node, with a warning, where the Pod that was named is not there", async () => {
    const node = station({ podName: "elsewhere" }).begin();
    await node.rest();
    expect(server.list("ConfigurationState")[0]?.metadata.ownerReferences).toEqual([owner("Node", "n1")]);
    expect(node.reporter.problems()[0]).toMatchObject({ severity: "warning", kind: "Pod", name: "elsewhere" });
  });

  test("that is nowhere keeps everything back, and says so", async () => {
    const node = station({ node: "n9" }).begin();
    await until("words", () => node.reporter.problems().length === 1);
    expect(node.reporter.problems()[0]?.message).toBe(
      "nothing is reported, because nothing can own it: there is no Node n9",
    );
    expect(node.writes).toEqual([]);
  });

  test("is looked for anew when objects were taken away, before they are made again", async () => {
    const node = station().begin();
    await node.rest();
    server.delete("Node", "", "n1");
    server.apply({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } });
    await node.rest(); // the server has taken away what the old one owned
    expect(server.list("ConfigurationState")[0]?.metadata.ownerReferences).toEqual([owner("Node", "n1")]);
    expect(statusOf(server.list("ConfigurationState")[0]).result).toBe("Valid");
  });
});

describe("a change of mind", () => {
  test("is told once, counted when it is repeated, and nothing is said of Services that are gone", async () => {
    const node = station();
    node.announce("web", ["a"]);
    node.begin();
    await node.rest();
    for (let i = 0; i < 2; i++) {
      node.announce("web", []);
      await until("the withdrawal", () =>
        server.list("Event").some((e) => e.reason === "nodeWithdrawn" && e.count === i + 1),
      );
      node.announce("web", ["a"]);
      await until("the announcement", () =>
        server.list("Event").some((e) => e.reason === "nodeAssigned" && e.count === i + 2),
      );
    }
    node.announce("web", null);
    await node.rest();
    expect(
      server
        .list("Event")
        .map((e) => [e.reason, e.count, e.source])
        .sort(),
    ).toEqual([
      ["nodeAssigned", 3, { component: "metallb-speaker" }],
      ["nodeWithdrawn", 2, { component: "vipcast-speaker" }],
    ]);
  });
});

describe("the role of the speaker", () => {
  test("allows everything that is asked for, and reports need all that it allows them", async () => {
    const account = serviceAccount(HOME, "vipcast-speaker");
    const admin = { name: "admin", groups: ["system:masters"] };
    server.tokens.set("speaker", account);
    server.tokens.set("admin", admin);
    for (const role of objectsIn(readConfig("rbac/speaker/rbac.yaml"))) {
      const isHome = !String(role.kind).startsWith("Cluster");
      const metadata = { ...(role.metadata as JsonObject), ...(isHome ? { namespace: HOME } : {}) };
      const subjects = [{ kind: "ServiceAccount", name: "vipcast-speaker", namespace: HOME }];
      server.apply({ ...role, metadata, ...(role.roleRef === undefined ? {} : { subjects }) });
    }
    const node = station({ podName: "pod-n1" }, "speaker");
    node.announce("web", ["a"]);
    node.peers = [facts("a", "192.0.2.1")];
    node.begin();
    await node.rest();
    node.announce("web", []); // delete, and an Event
    await node.rest();
    node.announce("web", ["a"]); // repeats an Event
    await node.rest();
    // every kind: somebody else's owner, a conflict, the end
    for (const kind of ["ServiceBGPStatus", "ConfigurationState", "BGPSessionState"]) {
      const [object] = server.list(kind);
      if (object === undefined) throw new Error(kind);
      server.fault(
        { type: "status", code: 409 },
        { verb: "patch", resource: `${kind.toLowerCase()}s`.replace("statuss", "statuses") },
        1,
      );
      server.apply({ ...object, metadata: { ...object.metadata, ownerReferences: [] } } as never);
    }
    await node.rest();
    node.setPeers();
    await node.rest();
    const refused = server.requests.all.filter((r) => r.code === 403);
    expect(refused.map((r) => `${r.verb} ${r.path}`)).toEqual([]);
    const asked = new Set(
      server.requests.all.map((r) => `${r.verb} ${r.resource}${r.subresource && `/${r.subresource}`}`),
    );
    const source = new Set(WATCHED.flatMap((w) => ["list", "watch"].map((verb) => `${verb} ${w.resource.plural}`)));
    const reviews = /^create (tokenreviews|subjectaccessreviews)$/; // observe/scrapeAccess.ts
    const allowed = SPEAKER_PERMISSIONS.flatMap(({ resource, subresource, verbs }) =>
      verbs.map((v) => `${v} ${resource.plural}${subresource === undefined ? "" : `/${subresource}`}`),
    );
    expect(allowed.filter((a) => !asked.has(a) && !source.has(a) && !reviews.test(a))).toEqual([]);
  });
});
