// The speaker as a process with an API server as its source (TLS, token, kubeconfig) and a receiving router on loopback: what reaches the
// router, and what does not when the API server is away. Needs the built program, no root.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Receiver, type ReceiverEvent } from "../../lab/receiver.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { type ApiServer, startApiServer } from "../kube/apiServer.ts";
import { makeAuthority, makeCertificate } from "../kube/certificates.ts";
import { install } from "../kube/install.ts";
import type { JsonObject } from "../kube/objects.ts";
import { type Program, startSpeaker } from "./program.ts";

const TOKEN = "a-token-of-the-test";
const NODE = "worker-1";

let directory = "";
let server: ApiServer;
let router: Receiver;
let events: ReceiverEvent[] = [];
let speaker: Program | null = null;

const own = (kind: string, name: string, spec: JsonObject, version = "v1beta1") => ({
  apiVersion: `metallb.io/${version}`,
  kind,
  metadata: { name, namespace: "metallb-system" },
  spec,
});

function service(name: string, ip: string, isReady = true, more: JsonObject = {}): void {
  const metadata = { name, namespace: "default", ...more };
  const spec = { type: "LoadBalancer", externalTrafficPolicy: "Cluster", ports: [{ port: 80 }] };
  const status = { loadBalancer: { ingress: [{ ip }] } };
  server.apply({ apiVersion: "v1", kind: "Service", metadata, spec, status });
  endpoints(name, isReady, more);
}

function endpoints(name: string, isReady: boolean, more: JsonObject = {}): void {
  server.apply({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-x`, namespace: "default", labels: { "kubernetes.io/service-name": name }, ...more },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], nodeName: NODE, conditions: { ready: isReady } }],
    ports: [{ port: 80 }],
  });
}

function kubeconfig(ca: string): string {
  const file = join(directory, "kubeconfig");
  writeFileSync(join(directory, "token"), TOKEN);
  writeFileSync(join(directory, "ca.crt"), ca);
  const cluster = { server: server.url, "certificate-authority": "ca.crt" };
  const config = {
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user: { tokenFile: "token" } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const has = (prefix: string) => () => router.table.has(prefix);
const yes = (seen: boolean): boolean => seen;

describe("the speaker at an API server", () => {
  let file = "";
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "kube-"));
    events = [];
    router = await Receiver.listen({ asn: 65_000, onEvent: (event) => events.push(event) });
    const authority = makeAuthority();
    const tls = makeCertificate(authority, { commonName: "api", addresses: ["127.0.0.1"] });
    const tokens = { [TOKEN]: { name: "vipcast", groups: ["system:masters"] } };
    server = await startApiServer({ tls, tokens, bookmarkEveryMs: 500 });
    file = kubeconfig(authority.cert);
    install(server, "metallb");
    server.apply({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: NODE },
      status: { addresses: [{ type: "InternalIP", address: "192.0.2.11" }] },
    });
    // another address than the router's: a next hop must not be the receiver itself
    const addresses = { peerAddress: "127.0.0.1", peerPort: router.port, sourceAddress: "127.0.0.2" };
    const peer = { myASN: 65_001, peerASN: 65_000, ...addresses };
    server.apply(own("BGPPeer", "router", peer, "v1beta2"));
    server.apply(own("IPAddressPool", "pool", { addresses: ["198.51.0.0/16"] }));
    server.apply(own("BGPAdvertisement", "all", {}));
  });
  afterEach(async () => {
    await speaker?.stop();
    speaker = null;
    await router.close();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = (...args: readonly string[]): Program => {
    speaker = startSpeaker(NODE, "--kubeconfig", file, ...args);
    return speaker;
  };

  test("announces what is there, follows changes, and leaves in good order", async () => {
    service("web", "198.51.100.1");
    service("idle", "198.51.100.2", false);
    const vipcast = start("--ml-bindaddr=10.0.0.1", "--health-probe-port=0");
    await waitFor("the route", has("198.51.100.1/32"), yes, { logs: [vipcast] });
    expect([...router.table.keys()]).toEqual(["198.51.100.1/32"]);
    expect((await vipcast.page("/readyz")).status).toBe(200);
    endpoints("idle", true);
    await waitFor("the other route", has("198.51.100.2/32"), yes, { logs: [vipcast] });
    server.delete("Service", "default", "web");
    await waitFor("the withdrawal", () => !router.table.has("198.51.100.1/32"), yes, { logs: [vipcast] });
    expect(vipcast.output).toContain("--ml-bindaddr: has no effect: it belongs to layer 2 mode");
    expect(vipcast.output).not.toContain(TOKEN);
    expect(await vipcast.stop()).toBe(0);
  });

  test("keeps everything while the API server is away, and goes on where it was", async () => {
    service("web", "198.51.100.1");
    service("other", "198.51.100.2");
    const vipcast = start();
    await waitFor(
      "both routes",
      () => router.table.size,
      (n) => n === 2,
      { logs: [vipcast] },
    );
    await server.stop();
    const seen = events.length;
    await sleep(3_000);
    expect(events.slice(seen)).toEqual([]);
    expect((await vipcast.page("/readyz")).status).toBe(200);
    expect(await vipcast.metric('vipcast_kube_silence_seconds{resource="services"}')).toBeGreaterThan(2);
    expect(await vipcast.metric('vipcast_kube_watch_up{resource="services"}')).toBe(0);
    const errors = () => vipcast.metric('vipcast_kube_errors_total{resource="services",code="connection"}');
    await waitFor("attempts in vain", errors, (n) => n > 1, { logs: [vipcast] });
    endpoints("web", false); // while nobody can see it
    await server.listen();
    await waitFor("the withdrawal", () => !router.table.has("198.51.100.1/32"), yes, {
      timeoutMs: 40_000,
      logs: [vipcast],
    });
    // the one change, and nothing anew
    expect(events.slice(seen)).toEqual([{ type: "withdrawn", prefix: "198.51.100.1/32" }]);
    expect(router.connections).toBe(1);
    expect(await vipcast.metric('vipcast_kube_lists_total{resource="services"}')).toBe(1);
  });

  test("waits for a server that is not there yet, and says so", async () => {
    service("web", "198.51.100.1");
    await server.stop();
    const vipcast = start();
    await waitFor(
      "words",
      async () => (await vipcast.page("/readyz")).text,
      (t) => t.includes("ECONNREFUSED"),
      { logs: [vipcast] },
    );
    expect((await vipcast.page("/readyz")).status).toBe(503);
    expect(router.connections).toBe(0);
    await server.listen();
    await waitFor("the route", has("198.51.100.1/32"), yes, { timeoutMs: 40_000, logs: [vipcast] });
  });

  test("keeps little of 10,000 Services with fat metadata", async () => {
    // 2 KiB of managedFields and a kubectl annotation of 1 KiB, each in Services and slices, as in real clusters
    const managedFields = [
      { manager: "kubectl", operation: "Update", apiVersion: "v1", fieldsV1: { "f:x": "y".repeat(2048) } },
    ];
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "z".repeat(1024) };
    const empty = start();
    await waitFor(
      "the first decision",
      async () => (await empty.page("/readyz")).status,
      (s) => s === 200,
      { logs: [empty] },
    );
    const before = await empty.metric("process_resident_memory_bytes");
    await empty.stop();
    for (let i = 0; i < 10_000; i++) {
      service(`s${i}`, `198.51.${i >> 8}.${i & 255}`, true, { managedFields, annotations });
    }
    const vipcast = start();
    await waitFor(
      "all routes",
      () => router.table.size,
      (n) => n === 10_000,
      { timeoutMs: 60_000, logs: [vipcast] },
    );
    const after = await vipcast.metric("process_resident_memory_bytes");
    const mib = (octets: number): number => Math.round(octets / 1024 / 1024);
    process.stdout.write(`RSS: ${mib(before)} MiB empty, ${mib(after)} MiB with 10,000 Services and slices\n`);
    expect(mib(after - before)).toBeLessThan(125); // with 3 KiB more for each object it would be 140
  });
});
