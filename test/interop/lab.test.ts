import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startBird } from "../../lab/bird.ts";
import { LAB_MARK, LABS_ROOT, type LabIdentity, NETNS_DIR, reapStaleLabs, startTime } from "../../lab/cleanup.ts";
import { type Frr, startFrr } from "../../lab/frr.ts";
import { startGobgp } from "../../lab/gobgp.ts";
import { createLab, type Host, type Lab } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { RouteTable } from "../../lab/routes.ts";
import { oneRouter } from "../../lab/topologies/oneRouter.ts";
import { routerConfig } from "../../lab/topologies/routerConfig.ts";
import { twoRouters } from "../../lab/topologies/twoRouters.ts";
import { startVipcast } from "../../lab/vipcast.ts";
import { waitFor } from "../../lab/waitFor.ts";

/** What is left of a lab on this machine: namespaces, processes, directory. */
function remains({ id, dir }: LabIdentity): readonly string[] {
  const namespaces = existsSync(NETNS_DIR) ? readdirSync(NETNS_DIR).filter((n) => n.startsWith(`vc-${id}-`)) : [];
  const processes = pidsWith("environ", `${LAB_MARK}=${id}`).map((pid) => `pid ${pid}`);
  return [...namespaces, ...processes, ...(existsSync(dir) ? [dir] : [])];
}

function pidsWith(file: "environ" | "cmdline", entry: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0").includes(entry);
      } catch {
        return false;
      }
    })
    .map(Number);
}

const nothing = (left: readonly string[]): boolean => left.length === 0;
/** Whether a packet gets there and back within a second: a closed port answers with a reset. */
const answers = (from: Host, to: string): Promise<boolean> =>
  from.exec("bash", ["-c", `timeout 1 bash -c '</dev/tcp/${to}/9' 2>&1 | grep -c refused`]).then(
    () => true,
    () => false,
  );
/** A cable that was just plugged may take a second. */
const reaches = (from: Host, to: string): Promise<boolean> =>
  waitFor(
    `${to} to answer ${from.name}`,
    () => answers(from, to),
    (is) => is,
  );
const established = async (router: Frr, peer: string): Promise<void> => {
  await waitFor(
    `${router.name} to have a session`,
    () => router.peer(peer),
    (p) => p.state === "Established",
    {
      timeoutMs: 20_000,
      logs: [router],
    },
  );
};

const problem = labProblem(["frr"]);

describe.skipIf(problem !== null)(titleOrSkip("lab", problem), () => {
  const labs: Lab[] = [];
  const newLab = (name: string): Lab => {
    const lab = createLab(name);
    labs.push(lab);
    return lab;
  };
  afterEach(async () => {
    await Promise.all(labs.splice(0).map((lab) => lab.close()));
  });

  test("two labs with the same names and addresses do not see each other", async () => {
    const [one, two] = [newLab("one"), newLab("two")];
    for (const lab of [one, two]) {
      const [a, b] = [lab.host("a"), lab.host("b")];
      lab.link(a, b, { addressA: ["192.0.2.1/30", "2001:db8::1/64"], addressB: ["192.0.2.2/30", "2001:db8::2/64"] });
    }
    one.host("b").addAddress("lo", "203.0.113.1/32");
    for (const lab of [one, two]) lab.host("a").addRoute("203.0.113.0/24", "192.0.2.2");
    await reaches(one.host("a"), "2001:db8::2");
    await reaches(one.host("a"), "203.0.113.1");
    expect(await answers(two.host("a"), "203.0.113.1")).toBe(false);
    await one.close();
    await reaches(two.host("a"), "192.0.2.2");
    two.host("b").setLink("to-a", "down");
    expect(await answers(two.host("a"), "192.0.2.2")).toBe(false);
  });

  test("hosts on one segment reach each other; parallel links get names of their own", async () => {
    const lab = newLab("segment");
    const [a, b, c] = [lab.host("a"), lab.host("b"), lab.host("c")];
    for (const [n, host] of [a, b, c].entries()) lab.attach(host, "fabric", `198.51.100.${n + 1}/24`);
    await reaches(a, "198.51.100.3");
    await reaches(b, "198.51.100.3");
    expect(lab.link(a, b)).toEqual({ interfaceA: "to-b", interfaceB: "to-a" });
    expect(lab.link(a, b, { mtu: 9_000 })).toEqual({ interfaceA: "to-b2", interfaceB: "to-a2" });
    expect(b.ip("link", "show", "to-a2")).toContain("mtu 9000");
    expect(readdirSync("/sys/class/net").filter((name) => name.startsWith("to-"))).toEqual([]);
  });

  test("a command that fails, hangs or prints without end says so and ends", async () => {
    const host = newLab("commands").host("a");
    expect(await host.exec("cat", [], { input: "abc" })).toBe("abc");
    expect(await host.exec("sh", ["-c", `echo $${LAB_MARK} $FOO`], { env: { FOO: "1" } })).toMatch(/^[0-9a-f]{6} 1\n$/);
    await expect(host.exec("sh", ["-c", "echo oops >&2; exit 3"])).rejects.toThrow(/code 3: oops/);
    await expect(host.exec("sleep", ["60"], { timeoutMs: 50 })).rejects.toThrow(/sleep 60.*out of time/);
    await expect(host.exec("yes", [], { maxOutput: 100_000 })).rejects.toThrow(/yes.*MAXBUFFER/);
    expect(() => host.execSync("sh", ["-c", "echo oops >&2; exit 3"])).toThrow(/oops/);
    expect(() => host.sysctl("kernel.hostname", "x")).toThrow(/only settings below net/);
    const deaf = host.spawn("sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], { name: "deaf" });
    await waitFor(
      "deaf to be ready",
      () => deaf.output(),
      (text) => text === "ready\n",
    );
    expect(await deaf.stop("SIGTERM", 100)).toMatchObject({ signal: "SIGKILL", forced: true });
  });

  test("waiting in vain says what was seen last and what the daemon printed", async () => {
    const host = newLab("waiting").host("a");
    const daemon = host.spawn("sh", ["-c", "echo my last words"], { name: "daemon" });
    await daemon.exited;
    const seen = new Map([["203.0.113.1/32", 7]]);
    const wait = waitFor(
      "the route",
      () => seen,
      () => false,
      { timeoutMs: 60, logs: [daemon] },
    );
    await expect(wait).rejects.toThrow(/the route: not after 60 ms.*"203.0.113.1\/32":7.*daemon@a.*my last words/s);
    const hang = waitFor(
      "an answer",
      () => new Promise(() => {}),
      () => true,
      { timeoutMs: 60 },
    );
    await expect(hang).rejects.toThrow(/an answer: not after 60 ms, 1 probes/);
    const failing = waitFor(
      "it",
      () => Promise.reject(new Error("refused")),
      () => true,
      { timeoutMs: 60 },
    );
    await expect(failing).rejects.toThrow(/last seen: error: refused/);
  });

  test("FRR to FRR over eBGP: one prefix with all its attributes; after a restart and after a kill it is back", async () => {
    const { lab, speaker, router, speakerAddress, routerAddress } = await oneRouter();
    labs.push(lab);
    const origin = await startFrr(speaker, {
      bgpd: `route-map all permit 10
 set community 65000:1 no-export no-advertise
 set large-community 65000:1:2
 set metric 77
exit
${routerConfig({ asn: 65_001, routerId: speakerAddress, neighbor: routerAddress, neighborAsn: 65_002, networks: ["203.0.113.1/32"] })}
router bgp 65001
 address-family ipv4 unicast
  neighbor ${routerAddress} route-map all out`,
    });
    const one = {
      prefix: "203.0.113.1/32",
      nextHop: speakerAddress,
      communities: ["65000:1", "no-export", "no-advertise"],
      largeCommunities: ["65000:1:2"],
      localPref: null,
      med: 77,
      asPath: ["65001"],
      origin: "igp",
      best: true,
      from: speakerAddress,
    };
    const seesOne = async (): Promise<void> => {
      const isIn = (table: RouteTable): boolean => table.get("203.0.113.1/32")?.[0]?.best === true;
      const seen = await waitFor("the prefix", () => router.bgpRoutes(), isIn, {
        timeoutMs: 20_000,
        logs: [origin, router],
      });
      expect([...seen]).toEqual([["203.0.113.1/32", [one]]]);
      expect(await router.route("203.0.113.1/32")).toEqual([one]);
      expect(await router.route("203.0.113.2/32")).toEqual([]);
    };
    await seesOne();
    expect(await router.peer(speakerAddress)).toMatchObject({ state: "Established", remoteAsn: 65_001, accepted: 1 });

    const before = origin.pids.get("bgpd");
    await origin.stop();
    expect(origin.pids.size).toBe(0);
    await waitFor(
      "an empty table",
      () => router.bgpRoutes(),
      (table) => table.size === 0,
      { logs: [router] },
    );
    await origin.start();
    await seesOne();
    expect(origin.pids.get("bgpd")).not.toBe(before);

    origin.signal("SIGSTOP");
    await expect(origin.ask("bgpd", "show version", 100)).rejects.toThrow(/no answer in 100 ms/);
    await origin.kill();
    await origin.start();
    await seesOne();

    await origin.configure(["router bgp 65001", `neighbor ${routerAddress} shutdown message moving house`]);
    const down = (): ReturnType<Frr["peer"]> => router.peer(speakerAddress);
    const peer = await waitFor("the session to end", down, (p) => p.state !== "Established", { logs: [router] });
    expect(peer.lastNotification).toMatchObject({ from: "neighbour", code: 6, subcode: 2, text: "moving house" });
    await expect(origin.configure(["router bgp 65001", "neighbr nonsense"])).rejects.toThrow(/Unknown command/);
  });

  test("a router that rejects its configuration fails with the line; the machine's crash directory stays as it was", async () => {
    const crashes = (): readonly string[] => (existsSync("/var/tmp/frr") ? readdirSync("/var/tmp/frr") : []);
    const before = crashes();
    const host = newLab("broken").host("a");
    await expect(startFrr(host, { bgpd: "router bgp 65001\n nonsense 12" })).rejects.toThrow(/nonsense 12/);
    expect(crashes()).toEqual(before);
  });

  test("the two-router topology has an eBGP and an iBGP session", async () => {
    const { lab, speaker, left, right } = await twoRouters({ rightSession: "ibgp" });
    labs.push(lab);
    await startFrr(speaker, {
      bgpd: `router bgp 65001
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor ${left.routerAddress} remote-as ${left.routerAsn}
 neighbor ${right.routerAddress} remote-as ${right.routerAsn}
 address-family ipv4 unicast
  network 203.0.113.1/32`,
    });
    await Promise.all([left, right].map((side) => established(side.router, side.speakerAddress)));
    const path = async (router: Frr) =>
      (
        await waitFor(
          "the route",
          () => router.bgpRoutes(),
          (t) => t.size === 1,
          { logs: [router] },
        )
      ).get("203.0.113.1/32");
    expect(await path(left.router)).toMatchObject([{ localPref: null, asPath: ["65001"], nextHop: "192.0.2.1" }]);
    expect(await path(right.router)).toMatchObject([{ localPref: 100, asPath: [], nextHop: "192.0.2.5" }]);
  });

  test("close leaves no namespace, process or directory, also twice and after its hosts were deleted by hand", async () => {
    const { lab, speaker, router } = await oneRouter();
    speaker.spawn("sh", ["-c", "sleep 600 & setsid sleep 600 & wait"]);
    expect(remains(lab).length).toBeGreaterThan(5);
    router.host.execSync("ip", ["netns", "delete", speaker.namespace]);
    const pid = router.pids.get("bgpd");
    await Promise.all([lab.close(), lab.close()]);
    await lab.close();
    expect(remains(lab)).toEqual([]);
    expect(startTime(pid ?? 0)).toBe(null);
    expect(pidsWith("cmdline", lab.id)).toEqual([]);
    expect(() => lab.host("late")).toThrow(/closed/);
  });

  test("the speaker is started with its interface, logs and metrics are read, its end is timed", async () => {
    const host = newLab("speaker").host("node");
    const program = host.writeFile("standIn.mjs", STAND_IN);
    const speaker = startVipcast(host, {
      manifests: host.dir,
      nodeName: "worker-1",
      program,
      extraArgs: ["--log-level", "debug"],
    });
    await speaker.ready();
    const args = ["speaker", "--manifests", host.dir, "--node-name", "worker-1", "--metrics", "127.0.0.1:7472"];
    expect(speaker.logs()[0]).toEqual({ args: [...args, "--socket", speaker.socket, "--log-level", "debug"] });
    expect(await speaker.metric('up{peer="a b"}')).toBe(1.5);
    expect(await speaker.metric("down")).toBe(null);
    await expect(speaker.get("/nothing")).rejects.toThrow(/code 1/);
    const end = await speaker.stop();
    expect(end).toMatchObject({ code: 7, forced: false });
    expect(end.ms).toBeGreaterThan(90);
    expect(speaker.logs().at(-1)).toEqual({ msg: "not JSON" });
    expect(() => startVipcast(host, { manifests: "x", nodeName: "n", program: "/nowhere.js" })).toThrow(
      /npm run build/,
    );
  });
});

const STAND_IN = `import { createServer } from "node:http";
console.log(JSON.stringify({ args: process.argv.slice(2) }));
createServer((q, r) => q.url === "/nothing" ? r.writeHead(404).end() : r.end('up{peer="a b"} 1.5\\n')).listen(7472, "127.0.0.1");
process.on("SIGTERM", () => setTimeout(() => { console.log("not JSON"); process.exit(7); }, 100));`;

describe.skipIf(problem !== null)(titleOrSkip("lab whose owner ends", problem), () => {
  let keeper: Lab;
  let bundle: string;
  const owners: ChildProcess[] = [];

  beforeAll(async () => {
    keeper = createLab("bundle");
    bundle = join(keeper.dir, "owner.mjs");
    const entry = join(import.meta.dirname, "labOwner.ts");
    await build({
      entryPoints: [entry],
      outfile: bundle,
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "error",
    });
  });
  afterEach(() => {
    for (const owner of owners.splice(0)) owner.kill("SIGKILL");
  });
  afterAll(() => keeper.close());

  async function startOwner(): Promise<{ owner: ChildProcess; lab: LabIdentity }> {
    const owner = spawn(process.execPath, [bundle], { stdio: ["pipe", "pipe", "ignore"] });
    owners.push(owner);
    if (owner.stdout === null) throw new Error("no stdout");
    const [line] = await once(owner.stdout, "data", { signal: AbortSignal.timeout(20_000) });
    const lab = JSON.parse(String(line)) as LabIdentity;
    const programs = (): number => remains(lab).filter((r) => r.startsWith("pid")).length;
    await waitFor("zebra, bgpd, sh and two sleeps", programs, (n) => n === 5);
    return { owner, lab };
  }

  test.each([
    ["by SIGKILL", (owner: ChildProcess) => owner.kill("SIGKILL")],
    ["by SIGTERM", (owner: ChildProcess) => owner.kill("SIGTERM")],
    ["by SIGINT", (owner: ChildProcess) => owner.kill("SIGINT")],
    ["by process.exit", (owner: ChildProcess) => owner.stdin?.write("exit\n")],
    ["by an uncaught exception", (owner: ChildProcess) => owner.stdin?.write("throw\n")],
  ])("%s leaves nothing", async (_how, end) => {
    const { owner, lab } = await startOwner();
    const exited = once(owner, "exit");
    end(owner);
    await exited;
    await waitFor("everything to be gone", () => remains(lab), nothing);
    const watchdogs = () => pidsWith("cmdline", lab.id).map(String);
    await waitFor("the watchdog to be gone", watchdogs, nothing);
  });

  test("together with its watchdog is reaped by the next lab, which spares labs that are alive", async () => {
    const { owner, lab } = await startOwner();
    const [watchdog] = pidsWith("cmdline", lab.id);
    process.kill(watchdog ?? 0, "SIGKILL");
    const exited = once(owner, "exit");
    owner.kill("SIGKILL");
    await exited;
    // from here on any other lab of this machine may take away what is left, which startOwner has seen
    const next = createLab("next");
    expect(remains(lab)).toEqual([]);
    const reaped = reapStaleLabs();
    expect([next.id, keeper.id].filter((id) => reaped.includes(id))).toEqual([]);
    expect(existsSync(next.dir) && existsSync(keeper.dir)).toBe(true);
    await next.close();
  });

  test("is recognised although its pid now belongs to another process, which is spared", () => {
    const start = startTime(process.pid) ?? 0;
    const [stale, alive] = [`00000a.${process.pid}.${start - 1}`, `00000b.${process.pid}.${start}`].map((name) => {
      const dir = join(LABS_ROOT, name);
      mkdirSync(dir);
      writeFileSync(join(dir, "file"), "");
      return dir;
    });
    const reaped = reapStaleLabs();
    expect(["00000a", "00000b"].filter((id) => reaped.includes(id))).toEqual(["00000a"]);
    expect([stale, alive].map((dir) => existsSync(dir ?? ""))).toEqual([false, true]);
    rmSync(alive ?? "", { recursive: true });
  });
});

const otherRouters = labProblem(["frr", "bird", "gobgp"]);

describe.skipIf(otherRouters !== null)(titleOrSkip("lab with BIRD and GoBGP", otherRouters), () => {
  test("both show the attributes of a route from FRR in the same words as FRR", async () => {
    const lab = createLab("others");
    try {
      const [frrHost, birdHost, gobgpHost] = [lab.host("frr"), lab.host("bird"), lab.host("gobgp")];
      lab.link(frrHost, birdHost, {
        addressA: ["192.0.2.1/30", "2001:db8:0:1::1/64"],
        addressB: ["192.0.2.2/30", "2001:db8:0:1::2/64"],
      });
      lab.link(frrHost, gobgpHost, { addressA: "192.0.2.5/30", addressB: "192.0.2.6/30" });
      const [frr, bird, gobgp] = await Promise.all([
        startFrr(frrHost, { bgpd: ORIGIN }),
        startBird(birdHost, BIRD),
        startGobgp(gobgpHost, GOBGP),
      ]);
      const logs = [frr, bird, gobgp];
      const route = {
        communities: ["65000:1", "no-export", "no-export-subconfed"],
        largeCommunities: ["65000:1:2", "65000:3:4"],
        med: 77,
        asPath: ["65001", "65001"],
        origin: "igp",
        best: true,
      };
      const waiting = { timeoutMs: 30_000, logs };
      const atBird = await waitFor(
        "a route at BIRD",
        () => bird.bgpRoutes(),
        (t) => t.size === 1,
        waiting,
      );
      const atBird6 = await waitFor(
        "IPv6 at BIRD",
        () => bird.bgpRoutes("ipv6-unicast"),
        (t) => t.size === 1,
        waiting,
      );
      const atGobgp = await waitFor(
        "a route at GoBGP",
        () => gobgp.bgpRoutes(),
        (t) => t.size === 1,
        waiting,
      );
      const bySender = { nextHop: "192.0.2.1", from: "192.0.2.1", localPref: 100 };
      expect(atBird.get("203.0.113.1/32")).toMatchObject([{ ...route, ...bySender }]);
      expect(atBird6.get("2001:db8:f::1/128")).toMatchObject([
        { ...route, nextHop: "2001:db8:0:1::1", from: "192.0.2.1" },
      ]);
      expect(atGobgp.get("203.0.113.1/32")).toMatchObject([
        { ...route, nextHop: "192.0.2.5", from: "192.0.2.5", localPref: null },
      ]);
      expect([await bird.peerState("frr"), await gobgp.peerState("192.0.2.5")]).toEqual(["Established", "Established"]);
      expect([await bird.peerState("none"), await gobgp.peerState("192.0.2.9")]).toEqual(["Unknown", "Unknown"]);
      await Promise.all([bird.stop(), gobgp.stop("SIGKILL")]);
      expect([bird.pid, gobgp.pid]).toEqual([null, null]);
      await expect(startBird(lab.host("broken"), "nonsense;")).rejects.toThrow(/syntax error/);
    } finally {
      await lab.close();
    }
  });
});

const ORIGIN = `route-map all permit 10
 set community 65000:1 no-export local-AS
 set large-community 65000:1:2 65000:3:4
 set metric 77
 set as-path prepend 65001
exit
router bgp 65001
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 192.0.2.2 remote-as 65002
 neighbor 192.0.2.2 timers connect 1
 neighbor 192.0.2.6 remote-as 65003
 neighbor 192.0.2.6 timers connect 1
 address-family ipv4 unicast
  network 203.0.113.1/32
  neighbor 192.0.2.2 route-map all out
  neighbor 192.0.2.6 route-map all out
 exit-address-family
 address-family ipv6 unicast
  network 2001:db8:f::1/128
  neighbor 192.0.2.2 activate
  neighbor 192.0.2.2 route-map all out`;

const BIRD = `router id 192.0.2.2;
protocol device {}
protocol bgp frr {
  local 192.0.2.2 as 65002;
  neighbor 192.0.2.1 as 65001;
  ipv4 { import all; export none; };
  ipv6 { import all; export none; };
}`;

const GOBGP = `[global.config]
  as = 65003
  router-id = "192.0.2.6"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "192.0.2.5"
    peer-as = 65001`;
