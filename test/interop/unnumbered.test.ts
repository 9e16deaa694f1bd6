import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { startFrr } from "../../lab/frr.ts";
import { createLab, type Host, type Lab } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { LabRoute } from "../../lab/routes.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  announcingWeb,
  logLine,
  type Manifest,
  Manifests,
  NODE,
  peersOf,
  ROUTE,
  startSpeaker,
  VIP,
} from "./support.ts";

const problem = labProblem();

/** bgpd of a router with one unnumbered neighbour. */
const routerOf = (neighborLines: readonly string[], asn = 65_002): string =>
  [
    `router bgp ${asn}`,
    " bgp router-id 192.0.2.2",
    " no bgp ebgp-requires-policy",
    " bgp log-neighbor-changes",
    ...["interface remote-as external", "timers connect 1", ...neighborLines].map((l) => ` neighbor to-speaker ${l}`),
    " address-family ipv6 unicast",
    "  neighbor to-speaker activate",
    " exit-address-family",
    "exit",
  ].join("\n");

const ADVERTISING = "interface to-speaker\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval 5\nexit";

interface PeerOnOptions {
  readonly name?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly password?: string | undefined;
}

const peerOn = (interfaceName: string, { name = "tor", annotations = {}, password }: PeerOnOptions = {}): Manifest => ({
  apiVersion: "metallb.io/v1beta2",
  kind: "BGPPeer",
  metadata: { name, namespace: "metallb-system", annotations },
  spec: {
    myASN: 65_001,
    dynamicASN: "external",
    interface: interfaceName,
    holdTime: "9s",
    routerID: "192.0.2.1",
    ...(password === undefined ? {} : { password }),
  },
});

// sends one router advertisement with a hop limit of choice; the program under test always sends 255
const ADVERTISE = `const libc = require("koffi").load(null);
const socket = libc.func("int socket(int, int, int)");
const setsockopt = libc.func("int setsockopt(int, int, int, const void *, uint32_t)");
const sendto = libc.func("int64_t sendto(int, const void *, size_t, int, const void *, uint32_t)");
const index = libc.func("uint32_t if_nametoindex(const char *)")("to-speaker");
const int = (n) => Buffer.from(Int32Array.of(n).buffer);
const fd = socket(10, 3, 58);
setsockopt(fd, 41, 17, int(index), 4);
setsockopt(fd, 41, 18, int(Number(process.argv[1])), 4);
const to = Buffer.alloc(28);
to.writeUInt16LE(10, 0);
to.set([0xff, 0x02], 8);
to[23] = 1;
to.writeUInt32LE(index, 24);
const ra = Buffer.alloc(16);
ra[0] = 134;
ra[7] = 30;
if (Number(sendto(fd, ra, 16, 0, to, 28)) !== 16) throw new Error("not sent");`;

describe.skipIf(problem !== null)(titleOrSkip("BGP unnumbered with FRR", problem), () => {
  const labs: Lab[] = [];
  afterEach(async () => {
    await Promise.all(labs.splice(0).map((lab) => lab.close()));
  });

  interface Options {
    /** Lines below FRR's `neighbor`. */
    readonly neighborLines?: readonly string[];
    readonly password?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly extraArgs?: readonly string[];
  }

  /** A speaker and FRR on one cable without any configured address. */
  async function cable(options: Options = {}) {
    const { neighborLines = [], password, annotations = {} } = options;
    const lab = createLab("unnumbered");
    labs.push(lab);
    const speaker = lab.host("speaker");
    const host = lab.host("router");
    lab.link(speaker, host);
    const router = await startFrr(host, { bgpd: routerOf(neighborLines), zebra: ADVERTISING });
    const manifests = announcingWeb(speaker);
    manifests.write("peer.yaml", peerOn("to-router", { annotations, password }));
    const vipcast = startSpeaker(speaker, manifests, { extraArgs: options.extraArgs ?? [] });
    const logs = [router, vipcast];
    const established = (): Promise<unknown> =>
      waitFor(
        "FRR to be Established",
        () => router.peer("to-speaker"),
        (p) => p.state === "Established",
        { logs },
      );
    const routed = (): Promise<unknown> =>
      waitFor(
        `${ROUTE} at FRR`,
        () => router.route(ROUTE),
        (paths) => paths[0]?.best === true,
        { logs },
      );
    /** A new cable under the names of the old one, which took both its ends with it. */
    const relink = (): void => {
      const end = ["type", "veth", "peer", "name", "to-speaker", "netns", host.namespace];
      speaker.ip("link", "add", "to-router", ...end);
      speaker.setLink("to-router", "up");
      host.setLink("to-speaker", "up");
    };
    return { relink, lab, speaker, router, host, manifests, vipcast, established, routed, logs };
  }

  const ours = (t: { readonly speaker: Host }): string =>
    /inet6 (fe80::[0-9a-f:]+)/.exec(t.speaker.ip("-6", "address", "show", "to-router"))?.[1] ?? "none";

  test("the session comes up by router advertisements, and the IPv4 address is installed by way of our link-local one", async () => {
    const t = await cable();
    await t.established();
    await t.routed();
    const seen = (): string => t.host.ip("route", "show", VIP);
    const kernel = await waitFor("the kernel's route", seen, (r) => r !== "", { logs: t.logs });
    expect(kernel).toContain(`via inet6 ${ours(t)} dev to-speaker`);
    expect((await peersOf(t.vipcast)).get("tor")).toMatchObject({ state: "Established", problem: null });
    // what makes it a router that nobody uses as his default: FRR's host has no route by way of us
    expect(t.host.ip("-6", "route", "show", "default")).toBe("");
  });

  test("C-256 C-258 a password and GTSM together work with link-local addresses, whoever dials", async () => {
    const lines = ["password old-key-7", "ttl-security hops 1"];
    const annotations = { "vipcast.io/gtsm-hops": "1" };
    for (const opens of ["us", "peer", "both"]) {
      const t = await cable({
        neighborLines: opens === "us" ? [...lines, "passive"] : lines,
        password: "old-key-7",
        annotations: { ...annotations, "vipcast.io/opens": opens },
        extraArgs: opens === "us" ? [] : ["--listen", "[::]:179"],
      });
      await t.established();
      await t.routed();
      expect(await t.vipcast.metric("vipcast_tcp_md5_not_found_total")).toBe(0);
      const accepted = await t.vipcast.metric('vipcast_bgp_inbound_connections_total{outcome="accepted"}');
      if (opens !== "both") expect(accepted).toBe(opens === "us" ? 0 : 1);
      await t.lab.close();
    }
  });

  test("FRR that is restarted, and an interface that is made anew, are found again", async () => {
    const t = await cable();
    await t.routed();
    await t.router.kill();
    await logLine(t.vipcast, "the session is down", (l) => l.event === "sessionDown");
    await t.router.start();
    await t.routed();
    t.speaker.ip("link", "delete", "to-router");
    const why = (): Promise<unknown> => peersOf(t.vipcast).then((all) => all.get("tor")?.problem);
    await waitFor("status to say why", why, (p) => String(p).includes("there is no interface to-router"), {
      logs: t.logs,
    });
    await t.router.kill(); // FRR 8 forgets an interface that vanishes
    t.relink();
    await t.router.start();
    await t.established();
    await t.routed();
    await waitFor("status to be content", why, (p) => p === null, { logs: t.logs });
  });

  test("C-014 two routers with the same link-local address on two interfaces are two peers, each with its session", async () => {
    const lab = createLab("twins");
    labs.push(lab);
    const speaker = lab.host("speaker");
    const manifests = announcingWeb(speaker);
    const twins = await Promise.all(
      ["left", "right"].map(async (name, i) => {
        const host = lab.host(name);
        lab.link(speaker, host);
        host.ip("-6", "address", "flush", "dev", "to-speaker");
        host.addAddress("to-speaker", "fe80::1/64");
        const config = { bgpd: routerOf([], 65_002 + i), zebra: ADVERTISING };
        manifests.write(`${name}.yaml`, peerOn(`to-${name}`, { name }));
        return startFrr(host, config);
      }),
    );
    const vipcast = startSpeaker(speaker, manifests, { extraArgs: ["--listen", "[::]:179"] });
    for (const router of twins) {
      const arrived = (paths: readonly LabRoute[]): boolean => paths[0]?.best === true;
      await waitFor(`${ROUTE} at ${router.name}`, () => router.route(ROUTE), arrived, { logs: [router, vipcast] });
    }
    expect([...(await peersOf(vipcast)).values()].map((p) => p.peerAsn)).toEqual([65_002, 65_003]);
  });

  test("an advertisement that a router has passed on is none: only hop limit 255 counts", async () => {
    const lab = createLab("hops");
    labs.push(lab);
    const [speaker, host] = [lab.host("speaker"), lab.host("router")];
    lab.link(speaker, host);
    const manifests = new Manifests(speaker);
    manifests.write("peer.yaml", peerOn("to-router"));
    const vipcast = startSpeaker(speaker, manifests);
    await vipcast.ready();
    const seen = (): number => vipcast.logs().filter((l) => l.event === "neighborSeen").length;
    const advertise = (hops: number): Promise<string> => host.exec(process.execPath, ["-e", ADVERTISE, String(hops)]);
    // a cable that was just plugged is not up at once
    await waitFor(
      "an advertisement to be sent",
      () => advertise(254),
      () => true,
      { everyMs: 100 },
    );
    await advertise(254);
    await sleep(300); // six reads of the socket
    expect(seen()).toBe(0);
    await advertise(255);
    await waitFor("the router", seen, (n) => n === 1, { logs: [vipcast] });
  });

  test("without CAP_NET_RAW the peer is down and says so", async () => {
    const t = await cable();
    await t.vipcast.stop();
    const drop = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"];
    const args = ["speaker", "--manifests", t.manifests.dir, "--node-name", NODE, "--socket", t.vipcast.socket];
    const [program = "", ...rest] = [...drop, process.execPath, "dist/main.js", ...args];
    t.speaker.spawn(program, rest, { name: "weak" });
    const why = (): Promise<unknown> => peersOf(t.vipcast).then((all) => all.get("tor")?.problem);
    await waitFor("the reason", why, (p) => String(p).includes("CAP_NET_RAW"), { logs: t.logs });
    expect((await peersOf(t.vipcast)).get("tor")).not.toMatchObject({ state: "Established" });
  });
});
