// The source against the API server for tests, over sockets: whatever happens to connections and answers, the store becomes what the
// server has, and nothing leaves it because of trouble.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realClock } from "../../src/app/realTime.ts";
import { TROUBLE_GRACE } from "../../src/kube/kubeSource.ts";
import { SILENCE_LIMIT } from "../../src/kube/watchCore.ts";
import { type ApiServer, startApiServer } from "./apiServer.ts";
import { makeAuthority, makeCertificate } from "./certificates.ts";
import { Follower, SkippedTime } from "./follower.ts";
import type { JsonObject } from "./objects.ts";

let server: ApiServer;
let follower: Follower;
let time: SkippedTime;
beforeEach(async () => {
  server = await startApiServer({ bookmarkEveryMs: 200 });
  time = new SkippedTime();
  follower = new Follower({ url: server.url }, time);
});
afterEach(async () => {
  follower.source.stop();
  await server.stop();
});

const service = (name: string, address = "192.0.2.1", metadata: Readonly<Record<string, JsonObject>> = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default", ...metadata },
  spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  status: { loadBalancer: { ingress: [{ ip: address }] } },
});

const watches = () => server.requests.all.filter((r) => r.verb === "watch" && r.resource === "services");
/** The services' watch has heard something long after it was opened: a bookmark, where nothing changes. */
const isBookmarked = (): boolean => {
  const opened = watches().at(-1)?.at;
  const { heardAt } = follower.view("services");
  return opened !== undefined && heardAt !== null && heardAt > opened + 100;
};
const isWatching = () => follower.view("services").phase === "watching";

describe("the source", () => {
  test("takes what is there, then what changes", async () => {
    server.apply(service("a"));
    await follower.begin();
    expect(follower.services).toEqual(["a 192.0.2.1"]);
    server.apply(service("b", "192.0.2.2"));
    await follower.until("b", () => follower.services.length === 2);
    server.apply(service("a", "192.0.2.9"));
    await follower.until("the change of a", () => follower.services[0] === "a 192.0.2.9");
    server.delete("Service", "default", "b");
    await follower.until("the end of b", () => follower.services.length === 1);
    expect(follower.problems.filter((p) => p.kind === "Service")).toEqual([]);
  });
});

describe("trouble", () => {
  let changesBefore = 0;
  beforeEach(async () => {
    server.apply(service("a"));
    await follower.begin();
    await follower.until("the watch", isWatching);
    changesBefore = follower.changes.length;
  });

  /** What changed meanwhile arrives, and what did not change was never touched. */
  async function recovers(): Promise<void> {
    server.apply(service("b"));
    await follower.until("b", () => follower.services.length === 2, 15_000);
    expect(new Set(follower.changes.slice(changesBefore).map((c) => c.ref.name))).toEqual(new Set(["b"]));
  }

  test("every connection is reset", async () => {
    server.cut();
    await recovers();
  });

  test("the server ends its watches", async () => {
    server.closeWatches();
    await recovers();
  });

  test.each(["status", "event"] as const)("history is gone, told as %s", async (how) => {
    server.goneAs(how);
    const lists = follower.view("services").lists;
    server.fault({ type: "status", code: 500 }, { verb: "watch", resource: "services" }, 1);
    server.closeWatches("services");
    server.apply(service("c"));
    server.delete("Service", "default", "c");
    server.compact();
    await follower.until("another list", () => follower.view("services").lists > lists, 15_000);
    await recovers();
  });

  test("the server is away, and everything stays in force", async () => {
    const began = realClock.now();
    await server.stop();
    await follower.until("a fault", () => follower.view("services").fault !== null);
    expect(follower.services).toEqual(["a 192.0.2.1"]);
    await follower.until(
      "some attempts",
      () => [...follower.view("services").errors.values()].reduce((a, b) => a + b, 0) > 3,
    );
    expect(follower.services).toEqual(["a 192.0.2.1"]);
    expect(realClock.now() - began).toBeGreaterThan(200);
    const words = () => follower.problems.filter((p) => p.kind === "ApiServer");
    expect(words(), "it may pass").toEqual([]);
    time.skip(TROUBLE_GRACE);
    await follower.until("words", () => words().length > 0);
    expect(words(), "once, however many kinds are concerned").toHaveLength(1);
    await server.listen();
    await recovers();
    await follower.until("no words", () => words().length === 0);
    expect(follower.view("services")).toMatchObject({ lists: 1, fault: null });
  });

  test.each([
    [429, "TooManyRequests"],
    [500, "InternalError"],
    [401, "Unauthorized"],
    [503, "ServiceUnavailable"],
  ])("%d %s, a few times", async (code) => {
    const fault = server.fault(
      { type: "status", code, ...(code === 429 ? { retryAfterSeconds: 1 } : {}) },
      { resource: "services" },
      3,
    );
    const asked = watches().length;
    server.cut();
    await follower.until("the watch to come back", () => fault.hits === 3 && isWatching(), 15_000);
    expect(watches().length - asked).toBe(4); // three were refused, one was not
    await recovers();
  });

  test.each([
    ["in pieces of any size", { type: "chunks", sizes: [1, 2, 3, 7] }],
    ["slowly", { type: "slow", bytes: 7, everyMs: 1 }],
  ] as const)("answers %s", async (_how, shape) => {
    const fault = server.fault(shape, { resource: "services" }, 100);
    await follower.source.rescan(); // the list as well as the watch
    await follower.until("the watch to come back", () => follower.view("services").lists === 2 && isWatching());
    // text whose octets do not end where its characters do
    const annotations = { "vipcast.io/note": "größer als ein Oktett: 東京" };
    for (const name of ["s1", "s2", "s3"]) server.apply(service(name, "192.0.2.1", { annotations }));
    await follower.until("all of them", () => follower.services.length === 4);
    expect(fault.hits).toBeGreaterThanOrEqual(2);
    expect(follower.view("services").errors.size).toBe(0);
  });

  test("a connection that is half-open is given up after the silence limit, and not before", async () => {
    await follower.until("a bookmark", isBookmarked);
    server.stall("services");
    server.apply(service("b"));
    const opened = watches().length;
    time.skip(SILENCE_LIMIT - 5_000);
    await follower.until("the others to go on", () => follower.view("nodes").phase === "watching");
    expect(watches().length).toBe(opened);
    expect(follower.services).toEqual(["a 192.0.2.1"]);
    time.skip(5_000);
    await follower.until("b", () => follower.services.length === 2);
    expect(follower.view("services").errors.get("silence")).toBe(1);
    // bookmarks had come and ceased: it may be a restored server, which tells nothing from here on
    expect(follower.view("services").lists).toBe(2);
  });

  test("garbage instead of an answer", async () => {
    server.fault({ type: "garbage", body: "<html>no</html>" }, { verb: "list", resource: "services" }, 2);
    await follower.source.rescan();
    await follower.until("the watch to come back", () => follower.view("services").lists === 2 && isWatching(), 15_000);
    expect(follower.view("services").errors.get("broken")).toBe(2);
    await recovers();
  });
});

describe("permissions", () => {
  test("one that is missing is told, and the rest works", async () => {
    server.forbid({ resource: "secrets" });
    server.apply(service("a"));
    await follower.begin();
    expect(follower.services).toEqual(["a 192.0.2.1"]);
    const told = follower.problems.filter((p) => p.kind === "Secret");
    expect(told).toEqual([
      {
        severity: "error",
        kind: "Secret",
        namespace: "metallb-system",
        name: "*",
        path: "",
        message: expect.stringMatching(/^no permission to list secrets in namespace metallb-system: /),
        hint: 'Allow it to the daemon\'s account: apiGroups: [""], resources: ["secrets"], verbs: ["list", "watch"].',
      },
    ]);
  });

  test("one without which nothing can be decided is waited for", async () => {
    const forbidden = server.forbid({ resource: "endpointslices" });
    await follower.source.start();
    await follower.until("the refusal", () => follower.problems.some((p) => p.kind === "EndpointSlice"));
    await follower.until(
      "the others",
      () => follower.source.resources().filter((r) => r.view.phase === "watching").length >= 5,
    );
    expect(follower.isListed).toBe(false);
    expect(follower.source.waitingFor()).toMatch(/has not listed endpointslices\.discovery\.k8s\.io: /);
    forbidden.disarm();
    await follower.source.rescan();
    await follower.until("the first list", () => follower.isListed);
    expect(follower.problems.filter((p) => p.kind === "EndpointSlice")).toEqual([]);
  });

  test("a kind the server does not have is empty, and told", async () => {
    await follower.begin();
    const missing = follower.problems.filter((p) => p.message.startsWith("the API server has no"));
    expect(missing.map((p) => p.kind)).toContain("BGPPeer");
    expect(missing[0]?.severity).toBe("warning");
  });
});

describe("files that change while connections stand", () => {
  let directory = "";
  const file = (name: string): string => join(directory, name);
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "source-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** Who asked for the newest watch of services. */
  const asker = () => watches().at(-1)?.user;

  test("a client certificate that was replaced is used from the next connection on; a half-written pair is not", async () => {
    const authority = makeAuthority();
    const write = (name: string, text: string): void => writeFileSync(file(name), text);
    const certificate = (commonName: string) =>
      makeCertificate(authority, { commonName, organization: "system:masters" });
    await server.stop();
    const tls = { ...makeCertificate(authority, { commonName: "api", addresses: ["127.0.0.1"] }) };
    server = await startApiServer({ tls: { ...tls, clientCa: authority.cert }, bookmarkEveryMs: 200 });
    const first = certificate("first");
    write("ca.crt", authority.cert);
    write("tls.crt", first.cert);
    write("tls.key", first.key);
    const pem = (name: string) => ({ type: "file" as const, path: file(name) });
    const identity = { type: "certificate" as const, certificate: pem("tls.crt"), key: pem("tls.key") };
    follower = new Follower({ url: server.url, authority: pem("ca.crt"), identity });
    await follower.begin();
    await follower.until("the watch", isWatching);
    expect(asker()).toBe("first");

    const second = certificate("second");
    write("tls.crt", second.cert); // half of the pair
    server.closeWatches("services");
    await follower.until("another watch", () => watches().length === 2 && isWatching());
    expect(asker()).toBe("first");

    write("tls.key", second.key);
    server.closeWatches("services");
    await follower.until("another watch", () => watches().length === 3 && isWatching());
    expect(asker()).toBe("second");
    expect(follower.view("services").errors.size).toBe(0);
  });

  test("a certificate authority that was replaced is asked from the next connection on", async () => {
    const pair = (authority: ReturnType<typeof makeAuthority>) =>
      makeCertificate(authority, { commonName: "api", addresses: ["127.0.0.1"] });
    const [before, after] = [makeAuthority("before"), makeAuthority("after")];
    await server.stop();
    server = await startApiServer({ tls: pair(before) });
    server.apply(service("a"));
    writeFileSync(file("ca.crt"), before.cert);
    follower = new Follower({ url: server.url, authority: { type: "file", path: file("ca.crt") } });
    await follower.begin();
    await follower.until("the watch", isWatching);
    const port = Number(new URL(server.url).port);
    await server.stop();
    // the cluster with its new certificate, and another service
    server = await startApiServer({ tls: pair(after), port });
    server.apply(service("a"));
    server.apply(service("b"));
    const failures = () => follower.view("services").errors.get("connection") ?? 0;
    const seen = failures();
    await follower.until("refusals of the new certificate", () => failures() > seen + 1);
    expect(follower.services).toEqual(["a 192.0.2.1"]);
    expect(follower.view("services").fault?.failure.message).toMatch(/certificate/);
    writeFileSync(file("ca.crt"), after.cert);
    await follower.until("b", () => follower.services.length === 2, 20_000);
  });
});
