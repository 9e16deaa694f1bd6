// A whole daemon at the API server for tests: what it decides and what its sessions do is in the cluster, and goes on being so over
// a restart, while it announces as it would without reports.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Daemon } from "../../src/app/daemon.ts";
import { realClock } from "../../src/app/realTime.ts";
import { metricsInput } from "../../src/app/views.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { makeDaemon } from "../app/daemonUnderTest.ts";
import { type ApiServer, startApiServer } from "../kube/apiServer.ts";
import { install } from "../kube/install.ts";
import type { JsonObject } from "../kube/objects.ts";
import { furnish, HOME, statusOf, until } from "./station.ts";

let server: ApiServer;
const daemons: Daemon[] = [];
beforeEach(async () => {
  server = await startApiServer({ bookmarkEveryMs: 500 });
  install(server, "metallb");
  furnish(server);
  own("IPAddressPool", "pool", { addresses: ["198.51.100.0/24"] });
  own("BGPAdvertisement", "all", {});
  peer("tor", "127.0.0.9");
  service("web", "198.51.100.1");
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.stop();
  await server.stop();
});

const own = (kind: string, name: string, spec: JsonObject, version = "v1beta1") =>
  server.apply({ apiVersion: `metallb.io/${version}`, kind, metadata: { name, namespace: HOME }, spec });

/** Nobody listens at port 9. */
const peer = (name: string, peerAddress: string, more: JsonObject = {}) =>
  own("BGPPeer", name, { myASN: 65_001, peerASN: 65_000, peerAddress, peerPort: 9, ...more }, "v1beta2");

function service(name: string, ip: string, isReady = true): void {
  const spec = { type: "LoadBalancer", ports: [{ port: 80 }] };
  const status = { loadBalancer: { ingress: [{ ip }] } };
  server.apply({ apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec, status });
  endpoints(name, isReady);
}

function endpoints(name: string, isReady: boolean): void {
  server.apply({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-x`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], conditions: { ready: isReady } }],
  });
}

async function start(): Promise<Daemon> {
  const access = {
    url: server.url,
    authority: null,
    serverName: null,
    isInsecure: false,
    identity: { type: "none" as const },
  };
  const daemon = makeDaemon({ podName: "pod-n1", source: { type: "kubernetes", access, env: {} } });
  daemons.push(daemon);
  await daemon.start();
  return daemon;
}

const announced = () =>
  server
    .list("ServiceBGPStatus")
    .map((o) => `${statusOf(o).serviceName} ${statusOf(o).peers}`)
    .sort();
const configuration = () => statusOf(server.list("ConfigurationState")[0]);
const sessions = () => server.list("BGPSessionState").map((o) => statusOf(o));
const told = () =>
  server
    .list("Event")
    .map((e) => `${e.reason} ${e.count}`)
    .sort();
const writes = () => server.requests.all.filter((r) => ["create", "patch", "delete"].includes(r.verb)).length;

test("what a daemon decides and how its sessions are is in the cluster, over a restart, too", async () => {
  const first = await start();
  await until("the status", () => announced().join() === "web tor");
  await until("the configuration", () => configuration().result === "Valid");
  await until("the session", () => String(sessions()[0]?.lastError).includes("ECONNREFUSED"));
  expect(sessions()).toMatchObject([
    {
      node: "n1",
      peer: "127.0.0.9",
      vrf: "",
      port: 9,
      bgpPeer: "tor",
      bfdStatus: "N/A",
      since: expect.stringMatching(/Z$/),
    },
  ]);
  await until("the Event", () => told().join() === "nodeAssigned 1");
  const [event] = server.list("Event");
  const { uid } = server.get("Service", "default", "web").metadata;
  expect(event?.involvedObject).toEqual({ apiVersion: "v1", kind: "Service", namespace: "default", name: "web", uid });
  expect(event?.message).toBe('announcing from node "n1" with protocol "bgp"');

  endpoints("web", false);
  await until("the withdrawal", () => announced().length === 0);
  await until("its Event", () => told().join() === "nodeAssigned 1,nodeWithdrawn 1");
  endpoints("web", true);
  await until("the announcement", () => announced().join() === "web tor");
  await until("its count", () => told().join() === "nodeAssigned 2,nodeWithdrawn 1");

  peer("bad", "127.0.0.8", { sourceAddress: "2001:db8::1" });
  await until("the fault", () => configuration().result === "Invalid");
  expect(configuration().errorSummary).toMatch(
    /^configuration error: BGPPeer metallb-system\/bad: spec\.sourceAddress: /,
  );
  expect(announced(), "nothing else suffers").toEqual(["web tor"]);
  server.delete("BGPPeer", HOME, "bad");
  await until("Valid again", () => configuration().result === "Valid");

  const metrics = await createMetrics(
    metricsInput(first, () => 0),
    false,
  ).render();
  expect(metrics).toMatch(/^vipcast_kube_writes_total\{kind="ServiceBGPStatus",result="ok"\} [5-9]$/m);

  const uids = () => server.list("ServiceBGPStatus").map((o) => o.metadata.uid);
  const before = uids();
  await daemons.pop()?.stop();
  expect(uids(), "a stop takes nothing away").toEqual(before);
  const events = told();
  const writesBefore = writes();
  await start();
  await until("the session of the new process", () => writes() > writesBefore);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect([uids(), told()]).toEqual([before, events]);
});

test("a peer that never answers costs a write now and then, not one per attempt", async () => {
  await start();
  await until("the session", () => String(sessions()[0]?.lastError).includes("ECONNREFUSED"));
  await until("the rest of the first reports", () => told().length === 1);
  const [from, began] = [writes(), realClock.now()];
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  // at most what falls into pauses of 1, 2, 4, 8 s
  const took = realClock.now() - began;
  expect(writes() - from, `writes in ${took} ms`).toBeLessThanOrEqual(1 + Math.floor(Math.log2(took / 1_000 + 1)));
});
