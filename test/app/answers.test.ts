// `why`, `plan`, `clear`, `peers` and `routes` of a real daemon over a real socket: two daemons on loopback, one asked, the other
// its router. What the texts say is golden but for times, ports and addresses of the moment.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listenBelow } from "../../lab/listenBelow.ts";
import type { PlanReport } from "../../src/announce/plan.ts";
import type { Daemon } from "../../src/app/daemon.ts";
import type { DaemonOptions } from "../../src/app/daemonOptions.ts";
import { ask } from "../../src/commands/ask.ts";
import { clear } from "../../src/commands/clear.ts";
import { inject } from "../../src/commands/inject.ts";
import { plan } from "../../src/commands/plan.ts";
import { why } from "../../src/commands/why.ts";
import { parseIp } from "../../src/kernel/ip.ts";
import type { WhyDocument } from "../../src/observe/why.ts";
import { makeDaemon, servePages, until } from "./daemonUnderTest.ts";

const home = mkdtempSync(join(tmpdir(), "vipcast-answers-"));
const ends: (() => Promise<unknown> | unknown)[] = [() => rmSync(home, { recursive: true })];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

function write(directory: string, name: string, text: string): void {
  const path = join(home, directory, name);
  writeFileSync(join(home, `.${name}`), text);
  renameSync(join(home, `.${name}`), path);
}

async function daemon(directory: string, over: Partial<DaemonOptions>): Promise<Daemon> {
  const made = makeDaemon({ source: { type: "manifests", path: join(home, directory) }, ...over });
  ends.push(() => made.stop());
  await made.start();
  return made;
}

const LOCAL = [
  "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p1}\nspec: {addresses: [192.0.2.0/24, '2001:db8::/64']}",
  "apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: all}\nspec:\n  communities: ['65000:1']",
  "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer}\nstatus: {loadBalancer: {ingress: [{ip: 192.0.2.10}, {ip: '2001:db8::10'}]}}",
  "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {type: LoadBalancer}\nstatus: {loadBalancer: {ingress: [{ip: 198.51.100.1}]}}",
].join("\n---\n");
const slice = (ready: boolean) =>
  `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1], conditions: {ready: ${ready}}}]}`;
const tor = (port: number, extra = "") =>
  `apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata:\n  name: tor\nspec:\n  myASN: 65001\n  peerASN: 65002\n  peerAddress: 127.0.0.2\n  peerPort: ${port}\n  holdTime: 90s\n${extra}`;
const FAR =
  "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: far}\nspec:\n  myASN: 65001\n  peerASN: 65003\n  peerAddress: 127.0.0.9\n  passwordSecret: {name: nowhere}\n";

const THEM =
  "{apiVersion: metallb.io/v1beta2, kind: BGPPeer, metadata: {name: us, annotations: {vipcast.io/opens: peer}}, spec: {myASN: 65002, peerASN: 65001, peerAddress: 127.0.0.1}}";

const socket = join(home, "s");
let port = 0;
let router: Daemon;
const text = { color: false, wall: 0 };
const base = { socket, manifests: [], namespace: "metallb-system", lbClass: "", ignoreExcludeLb: false };
const whyJson = async (service: string, over: { node?: string; peer?: string } = {}): Promise<WhyDocument> => {
  const options = { ...base, ...text, node: over.node ?? null, peer: over.peer ?? null, json: true };
  const { output, error } = await why(service, options);
  if (error !== undefined) throw new Error(error);
  return JSON.parse(output) as WhyDocument;
};
const planOptions = { ...base, against: null, node: null, json: true, color: false };

beforeAll(async () => {
  const taken = createServer();
  port = await listenBelow(taken, "127.0.0.2");
  await new Promise((resolve) => taken.close(resolve));
  for (const name of ["us", "them"]) mkdirSync(join(home, name));
  write("them", "peer.yaml", THEM);
  write("us", "all.yaml", LOCAL);
  write("us", "slice.yaml", slice(true));
  write("us", "peers.yaml", `${tor(port)}---\n${FAR}`);
  const address = parseIp("127.0.0.2");
  if (address === null) throw new Error("no address");
  router = await daemon("them", { nodeName: "r1", listen: [{ address, port }] });
  const us = await daemon("us", {});
  const pages = await servePages(us, socket);
  ends.push(() => pages.stop());
  await until(
    () => whyJson("web"),
    (d) => d.peers.tor?.announced === true,
  );
});

describe("why", () => {
  test("an announced service: route, advertisement, next hop, session, and the times of its last change", async () => {
    const answer = await until(
      () => whyJson("default/web"),
      (d) => d.history[0]?.writtenMs != null,
    );
    expect(answer).toMatchObject({
      service: "default/web",
      node: "n1",
      observed: true,
      announced: true,
      reason: null,
      cause: null,
      vips: ["192.0.2.10", "2001:db8::10"],
      pool: "p1",
    });
    expect(answer.peers.tor).toMatchObject({
      decided: true,
      announced: true,
      reason: null,
      routes: [
        {
          prefix: "192.0.2.10/32",
          communities: ["65000:1"],
          services: ["default/web"],
          advertisements: ["metallb-system/all"],
          nextHopAddress: "127.0.0.1",
          state: "written",
        },
      ],
      missing: [{ vip: "2001:db8::10", reason: "familyNotConfigured" }],
      session: { state: "Established", why: null, bfd: null },
    });
    expect(answer.peers.far).toMatchObject({
      decided: false,
      announced: false,
      reason: "peerNotUsed",
      cause: { kind: "BGPPeer", name: "far", path: "spec.passwordSecret.name", file: "peers.yaml", line: 19 },
      session: null,
    });
    expect(answer.history[0]).toMatchObject({ from: "absent", to: "announced" });
    expect(Date.parse(answer.since ?? "")).toBeGreaterThan(Date.now() - 60_000);
  });

  test("an endpoint that goes and comes is two changes, each written within the time it says", async () => {
    write("us", "slice.yaml", slice(false));
    const gone = await until(
      () => whyJson("web"),
      (d) => !d.announced && d.history[0]?.writtenMs != null,
    );
    expect(gone).toMatchObject({ reason: "noEndpoints", cause: { kind: "Service", name: "web", path: "" } });
    expect(gone.peers.tor).toMatchObject({ decided: false, announced: false, reason: "noEndpoints", routes: [] });
    write("us", "slice.yaml", slice(true));
    const back = await until(
      () => whyJson("web"),
      (d) => d.announced && d.history[0]?.writtenMs != null,
    );
    expect(back.history.slice(0, 2).map((c) => [c.from, c.to])).toEqual([
      ["noEndpoints", "announced"],
      ["announced", "noEndpoints"],
    ]);
    for (const { decidedMs, writtenMs } of back.history.slice(0, 2)) {
      expect(decidedMs).toBeGreaterThanOrEqual(0);
      expect(writtenMs).toBeGreaterThanOrEqual(decidedMs);
    }
  });

  test("a peer that lost or kept its routes when the service was announced otherwise has them since an unknown moment", async () => {
    const before = await until(
      () => whyJson("web"),
      (d) => d.peers.tor?.announced === true,
    );
    expect(before.peers.tor?.since).toBe(before.since);
    write("us", "all.yaml", LOCAL.replace("65000:1", "65000:2"));
    const kept = await until(
      () => whyJson("web"),
      (d) => d.history[0]?.to === "announced" && d.history[0].from === "announced" && d.peers.tor?.announced === true,
    );
    expect(kept).toMatchObject({ since: expect.any(String), peers: { tor: { since: null }, far: { since: null } } });
    write("us", "all.yaml", LOCAL.replace("communities: ['65000:1']", "peers: [far]"));
    const lost = await until(
      () => whyJson("web"),
      (d) => d.reason === "noPeers",
    );
    expect(lost.peers.tor).toMatchObject({ reason: "peerNotNamed", since: lost.since });
    write("us", "all.yaml", LOCAL);
    await until(
      () => whyJson("web"),
      (d) => d.peers.tor?.announced === true,
    );
  });

  test("another node is computed, and says so", async () => {
    const answer = await whyJson("web", { node: "n2" });
    expect(answer).toMatchObject({ node: "n2", observed: false, announced: true, since: null, history: [] });
    expect(answer.peers.tor).toMatchObject({ decided: true, session: null, routes: [{ state: null }] });
  });

  test("one peer, one that is not there, a service that is not there", async () => {
    expect(Object.keys((await whyJson("web", { peer: "far" })).peers)).toEqual(["far"]);
    await expect(whyJson("web", { peer: "to" })).rejects.toThrow('there is no BGPPeer to. Did you mean "tor"?');
    await expect(whyJson("default/wev")).rejects.toThrow(
      'there is no Service default/wev. Did you mean "default/web"?',
    );
    expect((await why("db", { ...base, ...text, node: null, peer: null, json: true })).exitCode).toBe(1);
  });

  test("the text of a service that is not announced", async () => {
    const { output } = await why("db", { ...base, ...text, node: null, peer: null, json: false });
    // the line of a change is folded where its figures of the moment happen to leave no room
    const whole = output.replace(/; decided .*(\n {6}.*)*$/gm, (line) => line.replace(/\n {5}/g, ""));
    const still = whole.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME").replace(/\d+(\.\d+)? ms/g, "N ms");
    expect(still).toBe(NOT_ANNOUNCED);
  });

  test("the text of one that is, within 100 columns", async () => {
    const { output, exitCode } = await why("web", { ...base, ...text, node: null, peer: null, json: false });
    for (const line of [
      "default/web on n1: announced, for 0s",
      "  addresses 192.0.2.10 2001:db8::10 of IPAddressPool p1",
      "  peer far: not announced: peerNotUsed, for 0s",
      "    BGPPeer metallb-system/far spec.passwordSecret.name (peers.yaml:19)",
      "  peer tor: announced, for 0s",
      "    192.0.2.10/32 via self (127.0.0.1) 65000:1 [written]",
      "      by metallb-system/all",
      "    2001:db8::10 has no route here: the session with tor carries ipv4-unicast, not the family of",
      "    session Established for 0s",
    ]) {
      expect(output.split("\n")).toContain(line);
    }
    expect(Math.max(...output.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(exitCode).toBe(0);
  });

  test("from files, without a daemon: the same decision, nothing observed", async () => {
    const options = { ...base, ...text, node: "n1", peer: null, json: true, manifests: [join(home, "us")] };
    const { output, exitCode } = await why("web", options);
    const answer = JSON.parse(output) as WhyDocument;
    const live = await whyJson("web");
    expect(answer).toMatchObject({ observed: false, announced: true, vips: live.vips, steps: live.steps, history: [] });
    expect(answer.peers.far?.cause).toEqual(live.peers.far?.cause);
    expect(exitCode).toBe(0);
    await expect(why("web", { ...options, node: null })).rejects.toThrow("--node NAME");
  });
});

describe("an object that is out for an error, and that the failing rule asks for,", () => {
  const options = { ...base, ...text, node: "n1", peer: null };

  test("is named by the daemon, with file and line; others are not", async () => {
    const pool = "kind: IPAddressPool\nmetadata: {name: p9}\nspec: {addresses: [198.51.100.0-1]}";
    const peer = "kind: BGPPeer\nmetadata: {name: wrong}\nspec: {myASN: 0, peerASN: 1, peerAddress: 127.0.0.3}";
    write("us", "out.yaml", `apiVersion: metallb.io/v1beta1\n${pool}\n---\napiVersion: metallb.io/v1beta2\n${peer}\n`);
    const { relatedErrors } = await until(
      () => whyJson("db"),
      (d) => d.relatedErrors.length > 0,
    );
    expect(relatedErrors).toMatchObject([
      { kind: "IPAddressPool", name: "p9", path: "spec.addresses[0]", file: "out.yaml", line: 4 },
    ]);
    const { output } = await why("db", { ...options, json: false });
    expect(output).toContain("\n  error: IPAddressPool metallb-system/p9 spec.addresses[0] (out.yaml:4): ");
    expect((await whyJson("web")).relatedErrors).toEqual([]);
    await expect(whyJson("web", { peer: "wrong" })).rejects.toThrow("BGPPeer wrong is not in force: spec.myASN: ");
    rmSync(join(home, "us", "out.yaml"));
    await until(
      () => whyJson("db"),
      (d) => d.relatedErrors.length === 0,
    );
  });

  test("is named from files: a BGPPeer where there is no other", async () => {
    mkdirSync(join(home, "out"));
    write("out", "all.yaml", `${LOCAL}\n---\n${slice(true)}\n---\n${tor(70_000)}`);
    const { output } = await why("web", { ...options, json: false, manifests: [join(home, "out")] });
    expect(output).toContain("not announced: noPeers");
    expect(output.split("\n").filter((line) => line.length > 100)).toEqual([]);
    const asked = why("web", { ...options, peer: "tor", json: false, manifests: [join(home, "out")] });
    await expect(asked).rejects.toThrow("BGPPeer tor is not in force: spec.peerPort: is 70000");
    expect(output).toMatch(/\n {2}error: BGPPeer metallb-system\/tor spec\.peerPort \(all\.yaml:\d+\): is 70000/);
  });
});

const NOT_ANNOUNCED = `default/db on n1: not announced: ipNotAllowed, for 0s
  198.51.100.1 is in no IPAddressPool in force
  Service default/db status.loadBalancer.ingress[0].ip (all.yaml:22)
  Put all its addresses into one IPAddressPool, or give it addresses of one pool.
  addresses 198.51.100.1
  peer far: not announced: ipNotAllowed, for 0s
  peer tor: not announced: ipNotAllowed, for 0s
    session Established for 0s
  last changes
    TIME (0s ago) absent -> ipNotAllowed; decided N ms, written N ms after the change
  rules
    + the Service is of type LoadBalancer
    + its load-balancer class is the one this speaker serves
    + it has addresses
    + its addresses are valid
    - one IPAddressPool holds them all
      a BGPAdvertisement of the pool selects this node
      one of these selects the Service
      these do not contradict each other
      the network of the node is available
      the node is not excluded from load balancers
      the node is not drained
      an endpoint can take the traffic
      a peer of this node gets one of the prefixes
      its SitePolicy, if any, lets this site announce it
`;

test("why shows the injected route that goes out instead of the decided one, and is as before when it is gone", async () => {
  const tell = async (...words: string[]) => {
    const print = () => true;
    const { exitCode } = await inject(words, { socket, json: false, stdin: null, print, drained: async () => {} });
    expect(exitCode).toBe(0);
  };
  const routeOf = async () => (await whyJson("web", { peer: "tor" })).peers.tor?.routes[0];
  const before = await routeOf();
  await tell("add", "192.0.2.10/32", "--next-hop", "192.0.2.77", "--med", "7");
  const overridden = await until(routeOf, (r) => r?.overriddenBy !== undefined && r.state === "written");
  const instead = { prefix: "192.0.2.10/32", nextHop: "192.0.2.77", med: 7, communities: [], services: [] };
  expect(overridden).toMatchObject({ nextHop: "self", communities: ["65000:1"], overriddenBy: instead });
  const options = { ...base, ...text, node: null, peer: "tor", json: false };
  const { output } = await why("web", options);
  expect(output).toContain("192.0.2.10/32 via self (127.0.0.1) 65000:1 [overridden]");
  expect(output).toContain("an injected route goes out instead: 192.0.2.10/32 via 192.0.2.77 med 7 [written]");
  await tell("del", "192.0.2.10/32");
  expect(await until(routeOf, (r) => r?.overriddenBy === undefined && r?.state === "written")).toEqual(before);
});

describe("plan", () => {
  const planned = async (
    name: string,
    peers: string,
    more = LOCAL,
  ): Promise<{ report: PlanReport; exitCode: number }> => {
    mkdirSync(join(home, name));
    write(name, "all.yaml", more);
    write(name, "slice.yaml", slice(true));
    write(name, "peers.yaml", peers);
    const { output, exitCode } = await plan([join(home, name)], planOptions);
    return { report: JSON.parse(output) as PlanReport, exitCode };
  };

  test("the same manifests change nothing, also where a peer has an error that was there before", async () => {
    const { report, exitCode } = await planned("same", `${tor(port)}---\n${FAR}`);
    expect(report).toMatchObject({ peers: {}, services: {}, problems: { added: [], gone: [], errors: 1 } });
    expect([report.verdict, exitCode]).toEqual(["problems", 1]);
  });

  test("another hold time resets the session and says so; a peer in trouble that goes is no session that ends", async () => {
    const { report, exitCode } = await planned("reset", tor(port, "  ebgpMultiHop: true\n").replace("90s", "30s"));
    expect(report.peers.tor).toMatchObject({ session: "reset", added: [], withdrawn: [] });
    expect(report.peers.tor?.fields.map((f) => `${f.field} ${f.from} ${f.to} ${f.effect}`)).toEqual([
      "holdTime 90 30 reset",
      "keepaliveTime 30 10 live",
      "ebgpMultihop false true reset",
    ]);
    expect([report.verdict, exitCode, report.problems.gone.length]).toEqual(["resets", 4, 1]);
  });

  test("communities change a route, a service that goes withdraws one, and no session is touched", async () => {
    const more = LOCAL.replace("65000:1", "65000:2").replace("192.0.2.10", "192.0.2.11");
    const { report, exitCode } = await planned("routes", tor(port), more);
    expect(report.peers.tor).toMatchObject({
      session: "none",
      added: [{ prefix: "192.0.2.11/32", communities: ["65000:2"] }],
      changed: [],
      withdrawn: [{ prefix: "192.0.2.10/32" }],
    });
    expect(report.services["default/web"]?.to?.vips).toEqual(["192.0.2.11", "2001:db8::10"]);
    expect([report.verdict, exitCode]).toEqual(["changes", 3]);
    const edit = await planned("edit", tor(port), LOCAL.replace("65000:1", "65000:2"));
    expect(edit.report.peers.tor?.changed).toEqual([
      { prefix: "192.0.2.10/32", attributes: [{ attribute: "communities", from: ["65000:1"], to: ["65000:2"] }] },
    ]);
  });

  test("a password that comes is a reset of which no value is shown", async () => {
    mkdirSync(join(home, "key"));
    write("key", "all.yaml", LOCAL);
    write("key", "slice.yaml", slice(true));
    write("key", "peers.yaml", tor(port, "  password: hushhush\n"));
    const { output, exitCode } = await plan([join(home, "key")], planOptions);
    expect(output).toContain('"field": "password"');
    expect(output).not.toContain("hushhush");
    expect(exitCode).toBe(4);
  });
});

test("peers and routes answer over the same socket", async () => {
  const peers = await ask("peers", { ...text, socket, json: false });
  expect(peers.output).toContain("    agreed: hold 90 s, keepalive 30 s, ipv4-unicast\n");
  expect(peers.output).toContain("    it can do: ");
  const routes = await ask("routes", { ...text, socket, json: false, peer: "tor" });
  expect(routes.output).toContain("192.0.2.10/32");
  const received = await ask("routes", { ...text, socket, json: true, peer: "tor", received: true });
  expect(JSON.parse(received.output)).toEqual({ peers: { tor: { count: 0, kept: false, routes: [] } } });
});

test("routes of a peer that is not there are no empty table", async () => {
  for (const received of [false, true]) {
    const asked = ask("routes", { ...text, socket, json: true, peer: "torr", received });
    await expect(asked).rejects.toThrow('no BGPPeer torr selects this node. Did you mean "tor"?');
  }
});

describe("clear", () => {
  test("an unknown peer is told", async () => {
    await expect(clear("torr", { socket, json: false })).rejects.toThrow('Did you mean "tor"?');
  });

  test("C-085 a peer that is held down says so in why, and is started anew at once", async () => {
    write("them", "peer.yaml", THEM.replace("myASN: 65002", "myASN: 65009"));
    const held = await until(
      () => whyJson("web", { peer: "tor" }),
      (d) => d.peers.tor?.reason === "heldDown",
    );
    expect(held.peers.tor).toMatchObject({ decided: true, announced: false, routes: [{ state: "held" }] });
    expect(held.peers.tor?.detail).toContain("Bad Peer AS (2/2)");
    expect(held.peers.tor?.session?.why).toContain("Bad Peer AS (2/2)");
    write("them", "peer.yaml", THEM);
    const { output, exitCode } = await until(
      () => clear("tor", { socket, json: true }),
      ({ output: o }) => (JSON.parse(o) as { held: string | null }).held !== null,
    );
    expect([JSON.parse(output), exitCode]).toMatchObject([{ peer: "tor", state: "Connect" }, 0]);
    await until(
      () => whyJson("web"),
      (d) => d.peers.tor?.announced === true,
    );
    expect([...router.speaker.peers()][0]?.stateName).toBe("Established");
  });
});
