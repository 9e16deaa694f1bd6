// The source against the API server for tests, over sockets: whatever happens to connections and answers, the store becomes what the
// server has, and nothing leaves it because of trouble.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realClock, realRandom, realTimers } from "../../src/app/realTime.ts";
import type { ConfigProblem } from "../../src/kernel/problem.ts";
import { KubeSource } from "../../src/kube/kubeSource.ts";
import { HttpTransport } from "../../src/kube/transport.ts";
import { ObjectStore, type StoreChange } from "../../src/sources/store.ts";
import { type ApiServer, startApiServer } from "./apiServer.ts";

let server: ApiServer;
let follower: Follower;
beforeEach(async () => {
  server = await startApiServer({ bookmarkEveryMs: 200 });
  follower = new Follower(server.url);
});
afterEach(async () => {
  follower.source.stop();
  await server.stop();
});

const service = (name: string, address = "192.0.2.1") => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  status: { loadBalancer: { ingress: [{ ip: address }] } },
});

/** A source with what it told. */
class Follower {
  readonly store = new ObjectStore();
  readonly source: KubeSource;
  changes: StoreChange[] = [];
  problems: readonly ConfigProblem[] = [];
  isListed = false;
  #waiting: (() => void)[] = [];

  constructor(url: string) {
    const access = { url, authority: null, serverName: null, isInsecure: false, identity: { type: "none" as const } };
    const transport = new HttpTransport(access, { env: {}, clock: realClock }, "vipcast/test");
    const surroundings = { transport, clock: realClock, timers: realTimers, random: realRandom };
    this.source = new KubeSource(this.store, "metallb-system", surroundings, {
      changed: (changes) => {
        this.changes.push(...changes);
        this.#wake();
      },
      problemsChanged: (problems) => {
        this.problems = problems;
        this.#wake();
      },
      listed: () => {
        this.isListed = true;
        this.#wake();
      },
    });
  }

  get services(): readonly string[] {
    return [...this.store.list("Service")].map((s) => `${s.ref.name} ${s.ingress[0]?.ip ?? "-"}`).sort();
  }

  view(resource: string) {
    const found = this.source.resources().find((r) => r.resource === resource);
    if (found === undefined) throw new Error(`${resource} is not followed`);
    return found.view;
  }

  /** Resolves when it holds; looked at whenever something was told, and now and then. */
  async until(what: string, holds: () => boolean, limitMs = 10_000): Promise<void> {
    const end = realClock.now() + limitMs;
    while (!holds()) {
      if (realClock.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(resolve, 25);
      });
    }
  }

  async begin(): Promise<void> {
    await this.source.start();
    await this.until("the first list", () => this.isListed);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

const watches = () => server.requests.all.filter((r) => r.verb === "watch" && r.resource === "services");
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
  beforeEach(async () => {
    server.apply(service("a"));
    await follower.begin();
    await follower.until("the watch", isWatching);
  });

  /** What changed meanwhile arrives, and what did not change was never touched. */
  async function recovers(): Promise<void> {
    const before = follower.changes.length;
    server.apply(service("b"));
    await follower.until("b", () => follower.services.length === 2, 15_000);
    expect(new Set(follower.changes.slice(before).map((c) => c.ref.name))).toEqual(new Set(["b"]));
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
    await server.listen();
    await recovers();
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

  test("answers in pieces of any size, and slowly", async () => {
    server.fault({ type: "chunks", sizes: [1, 2, 3, 7] }, {}, 100);
    server.fault({ type: "slow", bytes: 1, everyMs: 1 }, { resource: "services" }, 0);
    server.cut();
    await follower.until("the watch to come back", isWatching);
    for (const name of ["ü", "v", "w"].map((n, i) => `s${i}-${n === "ü" ? "u" : n}`)) server.apply(service(name));
    await follower.until("all of them", () => follower.services.length === 4);
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
