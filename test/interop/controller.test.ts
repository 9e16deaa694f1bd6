// The controller as a process at an API server: addresses, counters, Events and state come to be there, whatever happens to it. Needs the
// built program, no root.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { waitFor } from "../../lab/waitFor.ts";
import { CONTROLLER_PERMISSIONS } from "../../src/kube/permissions.ts";
import { at, type JsonObject } from "../kube/objects.ts";
import { Cluster, HOME } from "./clusterSupport.ts";
import type { Program } from "./program.ts";

let cluster: Cluster;
beforeEach(async () => {
  cluster = await Cluster.start();
});
afterEach(() => cluster.close());

const controller = (...args: readonly string[]): Program =>
  cluster.run("controller", "--kubeconfig", cluster.kubeconfig(), ...args);

/** Waits until the Services have these addresses. */
const until = (program: Program, wanted: Readonly<Record<string, readonly string[]>>): Promise<unknown> =>
  waitFor(
    `addresses ${JSON.stringify(wanted)}`,
    () => sorted(Object.fromEntries(cluster.assigned())),
    (found) => found === sorted(wanted),
    { logs: [program] },
  );

const sorted = (found: Readonly<Record<string, readonly string[]>>): string =>
  JSON.stringify(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Everybody has one, and nobody another's. */
function expectDistinct(count: number): void {
  const all = [...cluster.assigned().values()].flat();
  expect(all.length).toBe(count);
  expect(new Set(all).size).toBe(count);
}

/** Watches the API server for an address with two Services at any moment; gives what it found. */
function watchForDoubles(): { readonly found: string[]; stop(): void } {
  const found: string[] = [];
  const timer = setInterval(() => {
    const all = [...cluster.assigned()].map(([name, [ip = ""]]) => [ip, name] as const);
    const users = new Map<string, string>();
    for (const [ip, name] of all) {
      const other = users.get(ip);
      if (other !== undefined) found.push(`${ip}: ${other} and ${name}`);
      users.set(ip, name);
    }
  }, 5);
  return { found, stop: () => clearInterval(timer) };
}

const holder = (): unknown => at(cluster.server.get("Lease", HOME, "vipcast-controller"), "spec", "holderIdentity");

const stored = (name: string) => cluster.server.get("Service", "default", name);
/** As an edit of spec.type: the API server takes the class along. */
function retype(name: string, type: string): void {
  const { loadBalancerClass: _, ...spec } = stored(name).spec as JsonObject;
  cluster.server.apply({ ...stored(name), spec: { ...spec, type } });
}

/** In no order: their names decide it, and two of one second have no other. */
const eventsOf = (name: string): readonly string[] =>
  cluster.server
    .list("Event")
    .filter((event) => at(event, "involvedObject", "name") === name)
    .map((event) => `${event.type} ${event.reason}: ${event.message}`)
    .toSorted();

describe("the controller", () => {
  test("gives an address, moves it when its pool is edited away and only then, and frees it on deletion", async () => {
    cluster.own("IPAddressPool", "first", { addresses: ["198.51.100.0/30"] });
    cluster.service("web");
    const program = controller();
    await until(program, { web: ["198.51.100.0"] });
    expect(at(stored("web"), "metadata", "annotations", "metallb.io/ip-allocated-from-pool")).toBe("first");
    cluster.own("IPAddressPool", "second", { addresses: ["203.0.113.0/30"] });
    cluster.own("IPAddressPool", "first", { addresses: ["198.51.100.0/29"] });
    cluster.service("other");
    await until(program, { web: ["198.51.100.0"], other: ["198.51.100.1"] });
    cluster.own("IPAddressPool", "first", { addresses: ["198.51.100.1/32"] });
    await until(program, { web: ["203.0.113.0"], other: ["198.51.100.1"] });
    expect(at(stored("web"), "metadata", "annotations", "metallb.io/ip-allocated-from-pool")).toBe("second");
    cluster.server.delete("Service", "default", "other");
    cluster.service("next", {}, { annotations: { "metallb.io/address-pool": "first" } });
    await until(program, { web: ["203.0.113.0"], next: ["198.51.100.1"] });
    await waitFor(
      "the Events of web",
      () => eventsOf("web"),
      (found) => found.length === 3,
      { logs: [program] },
    );
    expect(eventsOf("web")).toEqual([
      "Normal ClearAssignment: current IP of the service not allowed by config, new assignment will be tried: 198.51.100.0 is in no IPAddressPool",
      'Normal IPAllocated: Assigned IP ["198.51.100.0"]',
      'Normal IPAllocated: Assigned IP ["203.0.113.0"]',
    ]);
    expect(await program.stop()).toBe(0);
  });

  test("tells pools, ConfigurationState and metrics what is the matter, and writes nothing for nothing", async () => {
    cluster.own("IPAddressPool", "small", { addresses: ["198.51.100.0/31", "2001:db8::/64"] });
    cluster.service("web");
    const program = controller();
    await until(program, { web: ["198.51.100.0"] });
    const status = () => cluster.server.get("IPAddressPool", HOME, "small").status as JsonObject;
    await waitFor("the counters", status, (found) => found?.assignedIPv4 === 1, { logs: [program] });
    expect(status()).toMatchObject({ assignedIPv6: 0, availableIPv4: 1 });
    const state = () => cluster.server.get("ConfigurationState", HOME, "controller");
    await waitFor(
      "the verdict",
      () => at(state(), "status", "result"),
      (found) => found === "Valid",
      {
        logs: [program],
      },
    );
    expect(at(state(), "metadata", "labels")).toEqual({ "metallb.io/component-type": "controller" });
    cluster.own("IPAddressPool", "wrong", { addresses: ["198.51.100.1/32"] });
    await waitFor(
      "the verdict",
      () => at(state(), "status", "result"),
      (found) => found === "Invalid",
      {
        logs: [program],
      },
    );
    expect(at(state(), "status", "errorSummary")).toMatch(/^configuration error: IPAddressPool metallb-system\/wrong/);
    cluster.server.delete("IPAddressPool", HOME, "wrong");
    await waitFor(
      "the verdict",
      () => at(state(), "status", "result"),
      (found) => found === "Valid",
      {
        logs: [program],
      },
    );
    expect(await program.metric('metallb_allocator_addresses_in_use_total{pool="small"}')).toBe(1);
    expect(await program.metric("vipcast_controller_leader")).toBe(1);
    // what is still under way arrives
    let before = -1;
    const isCalm = (): boolean => {
      const last = before;
      before = cluster.server.requests.all.length;
      return before === last;
    };
    await waitFor("calm", isCalm, (calm) => calm, { logs: [program], everyMs: 500 });
    const web = stored("web");
    cluster.server.apply({ ...web, metadata: { ...web.metadata, labels: { a: "b" } } }); // a change that concerns nobody
    cluster.server.bookmark();
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // there is no event for "nothing happens"
    const since = cluster.server.requests.all.slice(before).filter(({ verb }) => verb !== "watch");
    expect(since.filter(({ resource }) => resource !== "leases")).toEqual([]);
  });

  test("needs what its role allows, and nothing else", async () => {
    const token = cluster.account("controller");
    cluster.own("IPAddressPool", "pool", { addresses: ["198.51.100.0/30"] });
    cluster.service("web");
    cluster.server.apply({ apiVersion: "v1", kind: "Pod", metadata: { name: "me", namespace: HOME } });
    const program = cluster.run("controller", "--kubeconfig", cluster.kubeconfig(token), "--pod-name", "me");
    await until(program, { web: ["198.51.100.0"] });
    // the same event again is counted, which is the one PATCH of an Event
    for (const count of [1, 2]) {
      cluster.service("greedy", { loadBalancerIP: "203.0.113.1" });
      const isTold = () => cluster.server.list("Event").find((e) => e.reason === "AllocationFailed")?.count;
      await waitFor("the Event", isTold, (found) => found === count, { logs: [program] });
      cluster.service("greedy", { loadBalancerIP: "198.51.100.1" });
      await until(program, { web: ["198.51.100.0"], greedy: ["198.51.100.1"] });
    }
    const state = () => at(cluster.server.get("ConfigurationState", HOME, "controller"), "status", "result");
    await waitFor("the verdict", state, (found) => found === "Valid", { logs: [program] });
    const taken = () => at(cluster.server.get("IPAddressPool", HOME, "pool"), "status", "assignedIPv4");
    await waitFor("the counters", taken, (found) => found === 2, { logs: [program] });
    const owners = at(cluster.server.get("ConfigurationState", HOME, "controller"), "metadata", "ownerReferences");
    expect(owners).toMatchObject([{ kind: "Pod", name: "me" }]);
    expect(await program.stop()).toBe(0);
    const { all } = cluster.server.requests;
    expect(all.filter(({ code }) => code === 403)).toEqual([]);
    const used = new Set(all.map((r) => `${r.verb} ${r.resource}${r.subresource === "" ? "" : `/${r.subresource}`}`));
    const allowed = CONTROLLER_PERMISSIONS.flatMap(({ resource, subresource, verbs }) =>
      verbs.map((verb) => `${verb} ${resource.plural}${subresource === undefined ? "" : `/${subresource}`}`),
    );
    expect([...used].sort()).toEqual([...new Set(allowed)].sort());
  });

  test("Q-12: frees the address of a Service that leaves type LoadBalancer and its class, also after a restart", async () => {
    cluster.own("IPAddressPool", "pool", { addresses: ["198.51.100.0/31"] });
    cluster.service("web", { loadBalancerClass: "ours" });
    cluster.service("foreign");
    const program = controller("--lb-class", "ours");
    await until(program, { web: ["198.51.100.0"] });
    retype("web", "ClusterIP");
    await until(program, {});
    expect(at(stored("web"), "metadata", "annotations")).toEqual({});
    cluster.service("web", { loadBalancerClass: "ours" });
    await until(program, { web: ["198.51.100.0"] });
    await program.stop();
    retype("web", "ClusterIP");
    await until(controller("--lb-class", "ours"), {});
  });

  test("leaves to a Service that it cannot read what its status says, until that one is gone", async () => {
    cluster.own("IPAddressPool", "pool", { addresses: ["198.51.100.0-198.51.100.2"] });
    const odd = (name: string, ip: string): void => {
      const metadata = { name, namespace: "default", labels: { a: 1 } };
      const status = { loadBalancer: { ingress: [{ ip }] } };
      cluster.server.apply({ apiVersion: "v1", kind: "Service", metadata, spec: { type: "LoadBalancer" }, status });
    };
    odd("odd", "198.51.100.0");
    odd("stays", "198.51.100.2");
    cluster.service("web");
    const program = controller();
    const stays = { stays: ["198.51.100.2"] };
    await until(program, { odd: ["198.51.100.0"], web: ["198.51.100.1"], ...stays });
    cluster.service("next");
    await waitFor(
      "the refusal",
      () => eventsOf("next"),
      (found) => found.length === 1,
      { logs: [program] },
    );
    cluster.server.delete("Service", "default", "odd");
    await until(program, { web: ["198.51.100.1"], next: ["198.51.100.0"], ...stays });
  });

  test("decides anew what somebody else changed meanwhile", async () => {
    cluster.own("IPAddressPool", "pool", { addresses: ["198.51.100.0/24"] });
    const program = controller();
    await program.isReady();
    const conflicts = cluster.server.fault({ type: "status", code: 409 }, { verb: "patch", resource: "services" }, 20);
    for (let i = 0; i < 10; i++) cluster.service(`s${i}`);
    await waitFor(
      "conflicts",
      () => conflicts.hits,
      (hits) => hits >= 10,
      { logs: [program] },
    );
    // two hands at one Service: it has what was written last, and nobody else gets that
    const taken = cluster.server.get("Service", "default", "s3");
    cluster.server.apply({ ...taken, status: { loadBalancer: { ingress: [{ ip: "198.51.100.200" }] } } });
    await waitFor(
      "all addresses",
      () => cluster.assigned().size,
      (n) => n === 10,
      { logs: [program], timeoutMs: 30_000 },
    );
    expectDistinct(10);
    expect(cluster.assigned().get("s3")).toEqual(["198.51.100.200"]);
  });
});

describe("a thousand Services", () => {
  const COUNT = 1_000;
  beforeEach(() => {
    cluster.own("IPAddressPool", "pool", { addresses: ["198.51.0.0/16"] });
    for (let i = 0; i < COUNT; i++) cluster.service(`s${i}`);
  });
  const half = async (...programs: readonly Program[]): Promise<void> => {
    await waitFor(
      "half of the addresses",
      () => cluster.assigned().size,
      (n) => n >= COUNT / 3,
      {
        logs: programs,
        everyMs: 2,
      },
    );
  };
  const whole = async (...programs: readonly Program[]): Promise<void> => {
    await waitFor(
      "all addresses",
      () => cluster.assigned().size,
      (n) => n === COUNT,
      {
        logs: programs,
        timeoutMs: 60_000,
      },
    );
  };

  test("keep what they have when the controller is killed in the middle", async () => {
    const doubles = watchForDoubles();
    const first = controller();
    await half(first);
    await first.stop("SIGKILL");
    const before = cluster.assigned();
    expect(before.size).toBeLessThan(COUNT);
    await whole(controller());
    for (const [name, ips] of before) expect(cluster.assigned().get(name), name).toEqual(ips);
    expectDistinct(COUNT);
    doubles.stop();
    expect(doubles.found).toEqual([]);
  });

  test("are served by the other replica within the Lease's duration when the leader is killed", async () => {
    const doubles = watchForDoubles();
    const first = controller();
    await waitFor(
      "a leader",
      () => first.output,
      (text) => text.includes("leaderElected"),
      { logs: [first] },
    );
    const second = controller();
    await second.isReady(); // one that waits is ready
    await half(first);
    await first.stop("SIGKILL");
    const killedAt = performance.now();
    const before = cluster.assigned();
    await waitFor(
      "a new leader",
      () => second.output,
      (text) => text.includes("leaderElected"),
      {
        logs: [second],
        timeoutMs: 30_000,
      },
    );
    const took = performance.now() - killedAt;
    process.stdout.write(`takeover after ${Math.round(took)} ms\n`);
    // its duration, as seen by who looks every 2 to 2.4 s
    expect(took).toBeLessThan(15_000 + 2 * 2_400 + 5_000);
    await whole(second);
    for (const [name, ips] of before) expect(cluster.assigned().get(name), name).toEqual(ips);
    expectDistinct(COUNT);
    doubles.stop();
    expect(doubles.found).toEqual([]);
  });

  test("get one address each from two controllers that were not told to take turns", async () => {
    const doubles = watchForDoubles();
    const both = [controller("--leader-elect=false"), controller("--leader-elect=false")];
    await whole(...both);
    expectDistinct(COUNT);
    // one of them finds the other at work and says so
    await waitFor(
      "the end of one",
      () => both.filter((p) => p.process.exitCode === 1).length,
      (n) => n === 1,
      {
        logs: both,
      },
    );
    expect(both.filter((p) => p.output.includes("leaderRefused")).length).toBe(1);
    doubles.stop();
    expect(doubles.found).toEqual([]);
  });
});

test("a controller that stops gives the Lease back, and the next one begins at once", async () => {
  cluster.own("IPAddressPool", "pool", { addresses: ["198.51.100.0/30"] });
  const first = controller();
  await first.isReady();
  expect(await first.stop()).toBe(0);
  expect(holder()).toBe("");
  const began = performance.now();
  cluster.service("web");
  await until(controller(), { web: ["198.51.100.0"] });
  expect(performance.now() - began).toBeLessThan(12_000); // of the 15 s of a Lease that was not given back
  expect(at(cluster.server.get("Lease", HOME, "vipcast-controller"), "spec")).toMatchObject({
    leaseDurationSeconds: 15,
    leaseTransitions: 1,
  });
});

test("a stop does not wait for an answer that a start is waiting for", async () => {
  const fault = cluster.server.fault({ type: "stall", afterBytes: 0 }, { resource: "pods" }, Number.POSITIVE_INFINITY);
  const program = controller("--pod-name", "controller-0");
  await waitFor(
    "the question",
    () => fault.hits,
    (hits) => hits > 0,
    { logs: [program] },
  );
  const began = performance.now();
  expect(await program.stop()).toBe(0);
  expect(performance.now() - began).toBeLessThan(5_000); // of the 15 s after which the question is given up
});

test("a leader that cannot reach the API server writes nothing after the deadline of its Lease", async () => {
  cluster.own("IPAddressPool", "pool", { addresses: ["198.51.100.0/30"] });
  const program = controller();
  await program.isReady();
  const refusal = cluster.server.fault(
    { type: "status", code: 503 },
    { verb: "update", resource: "leases" },
    Number.POSITIVE_INFINITY,
  );
  await waitFor(
    "the loss",
    () => program.output,
    (text) => text.includes("leaderLost"),
    {
      logs: [program],
      timeoutMs: 20_000,
    },
  );
  cluster.service("web");
  await waitFor(
    "more looks",
    () => refusal.hits,
    (hits) => hits > 6,
    { logs: [program], timeoutMs: 20_000 },
  );
  expect(cluster.assigned().size).toBe(0);
  refusal.disarm();
  await until(program, { web: ["198.51.100.0"] });
});
