// Injected routes at a real FRR router: attributes, a session that is reset, withdrawal, restarts of the daemon.
// And at a disk that is too small for them. Absence is shown with a sentinel: another route that was changed later and did arrive.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createLab } from "../../lab/lab.ts";
import { CommandError } from "../../lab/process.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { oneRouter } from "../../lab/topologies/oneRouter.ts";
import type { Vipcast } from "../../lab/vipcast.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  announcingWeb,
  bgpPeer,
  established,
  goneAt,
  labTracker,
  peerThat,
  prefixesAt,
  ROUTE,
  routeAt,
  service,
  startSpeaker,
  VIP,
} from "./support.ts";

const problem = labProblem();
const INJECTED = "203.0.113.0/24";

describe.skipIf(problem !== null)(titleOrSkip("injected routes at FRR", problem), () => {
  const track = labTracker();

  async function site() {
    const topology = track(await oneRouter());
    const manifests = announcingWeb(topology.speaker);
    manifests.write("peers.yaml", bgpPeer(topology));
    const stateDir = join(topology.speaker.dir, "state");
    const start = () => startSpeaker(topology.speaker, manifests, { extraArgs: ["--state-dir", stateDir] });
    return { ...topology, manifests, start };
  }

  /** Over the daemon's socket, once it is there. */
  const inject = (vipcast: Vipcast, ...words: string[]): Promise<string> =>
    vipcast.cli("inject", ...words, "--socket", vipcast.socket);

  test("a route arrives with its attributes, survives a session reset and a change of the configuration, and goes with del", async () => {
    const s = await site();
    const vipcast = s.start();
    await routeAt(s, ROUTE, [vipcast]);
    const options = ["--next-hop", "self", "--community", "65000:1", "--large-community", "65000:1:2", "--med", "7"];
    await inject(
      vipcast,
      "add",
      INJECTED,
      ...options,
      "--as-path-prepend",
      "1",
      "--origin",
      "incomplete",
      "--peer",
      "tor",
    );
    const expected = {
      nextHop: s.speakerAddress,
      communities: ["65000:1"],
      largeCommunities: ["65000:1:2"],
      med: 7,
      asPath: ["65001", "65001"],
      origin: "incomplete",
    };
    expect(await routeAt(s, INJECTED, [vipcast])).toMatchObject(expected);

    const before = await s.router.peer(s.speakerAddress);
    await s.router.ask("bgpd", "clear bgp *");
    await peerThat(s, "came back", (p) => p.state === "Established" && p.established > before.established, {
      logs: [vipcast],
    });
    expect(await routeAt(s, INJECTED, [vipcast])).toMatchObject(expected);

    s.manifests.write("peers.yaml", bgpPeer(s, { holdTime: "12s" }));
    s.manifests.write("web.yaml", ...service("web", "198.51.100.20"));
    await routeAt(s, "198.51.100.20/32", [vipcast]);
    expect(await routeAt(s, INJECTED, [vipcast])).toMatchObject(expected);

    await inject(vipcast, "del", INJECTED);
    await goneAt(s, INJECTED, [vipcast]);
    expect(await prefixesAt(s)).toEqual(["198.51.100.20/32"]);
  });

  test("an injected route stands before the decided one, which comes back as a replacement when it goes", async () => {
    const s = await site();
    const vipcast = s.start();
    await routeAt(s, ROUTE, [vipcast]);
    expect(await inject(vipcast, "add", ROUTE, "--med", "50")).toBe("ok: it stands before the decided route at tor\n");
    await routeAt(s, ROUTE, [vipcast], (r) => r.med === 50);
    const { peers } = JSON.parse(await vipcast.cli("routes", "--json", "--socket", vipcast.socket));
    expect(peers.tor.routes).toEqual([expect.objectContaining({ prefix: ROUTE, med: 50, source: "injected" })]);
    const status = JSON.parse(await vipcast.cli("status", "--json", "--socket", vipcast.socket));
    expect(status.injected).toEqual({ prefixes: 1, persistent: 0 });
    expect(status.problems).toEqual([
      expect.objectContaining({ kind: "InjectedRoute", name: ROUTE, severity: "warning" }),
    ]);

    // the service goes, the injected route stays; it comes back, and nothing is sent for it
    s.manifests.write("web.yaml", ...service("web", VIP, { conditions: { ready: false } }));
    s.manifests.write("other.yaml", ...service("other", "198.51.100.11"));
    await routeAt(s, "198.51.100.11/32", [vipcast]);
    expect(await prefixesAt(s)).toEqual([ROUTE, "198.51.100.11/32"]);
    s.manifests.write("web.yaml", ...service("web", VIP));
    s.manifests.remove("other.yaml");
    await goneAt(s, "198.51.100.11/32", [vipcast]);
    const updates = (await s.router.peer(s.speakerAddress)).messages.updatesRecv ?? 0;
    await inject(vipcast, "del", ROUTE);
    await routeAt(s, ROUTE, [vipcast], (r) => r.med === 0);
    expect(((await s.router.peer(s.speakerAddress)).messages.updatesRecv ?? 0) - updates).toBe(1);
  });

  test("--persist survives a restart of the daemon, by SIGTERM and by SIGKILL; what is not persisted is gone", async () => {
    const s = await site();
    let vipcast = s.start();
    await routeAt(s, ROUTE, [vipcast]);
    await inject(vipcast, "add", INJECTED, "--community", "65000:1", "--persist");
    await inject(vipcast, "add", "203.0.113.128/25");
    await routeAt(s, "203.0.113.128/25", [vipcast]);
    await vipcast.stop();
    await goneAt(s, INJECTED);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      vipcast = s.start();
      expect(await routeAt(s, INJECTED, [vipcast])).toMatchObject({ communities: ["65000:1"] });
      await routeAt(s, ROUTE, [vipcast]);
      expect(await prefixesAt(s)).toEqual([ROUTE, INJECTED]);
      await vipcast.stop(signal);
    }
    vipcast = s.start();
    await established(s, [vipcast]);
    await routeAt(s, INJECTED, [vipcast]);
    await inject(vipcast, "flush");
    await goneAt(s, INJECTED, [vipcast]);
    await vipcast.stop();
    vipcast = s.start();
    await routeAt(s, ROUTE, [vipcast]);
    expect(await prefixesAt(s)).toEqual([ROUTE]);
  });

  test("a disk that fills up within the last write leaves a whole file of before, and inject says so", async () => {
    const { lab } = track({ lab: createLab("full disk") });
    const host = lab.host("speaker");
    const [manifests, state, socket] = ["manifests", "state", "vipcast.sock"].map((name) => join(host.dir, name));
    for (const directory of [manifests, state]) mkdirSync(directory ?? "");
    const args = ["speaker", "--manifests", manifests, "--node-name", "n", "--socket", socket, "--state-dir", state];
    const mounted = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"';
    const program = [process.execPath, "dist/main.js"];
    const daemon = host.spawn("sh", ["-c", mounted, ...[state, ...program, ...args].map(String)], { name: "vipcast" });
    await waitFor(
      "the daemon",
      () => daemon.output().includes("firstDecision"),
      (is) => is,
      { logs: [daemon] },
    );
    const kept = (): string => readFileSync(`/proc/${daemon.pid}/root${state}/injected.routes`, "utf8");
    const add = (from: number, to: number): Promise<string> => {
      const prefix = (i: number): string => `10.${i >> 8}.${i & 255}.0/24`;
      const lines = Array.from(
        { length: to - from },
        (_, i) => `add ${prefix(from + i)} --next-hop 192.0.2.1 --persist\n`,
      );
      const command = ["dist/main.js", "inject", "--stdin", "--socket", String(socket)];
      const output = host.exec(process.execPath, command, { input: lines.join("") });
      return output.catch((error: unknown) =>
        error instanceof CommandError ? error.stdout + error.stderr : String(error),
      );
    };
    expect(await add(0, 20)).toBe("ok\n".repeat(20));
    // of 16 pages 14 are left for some 60,000 octets; what is written last begins at route 1024
    expect(await add(20, 1_300)).toContain("not kept");
    expect(kept()).toMatch(/--persist\n$/);
    await daemon.stop();
  });

  test("a stream drives a route as a health check would, and says which line is wrong", async () => {
    const s = await site();
    const vipcast = s.start();
    await routeAt(s, ROUTE, [vipcast]);
    const check = s.speaker.spawn(
      "/bin/sh",
      [
        "-c",
        `( echo 'add ${INJECTED}'; echo 'add 203.0.113.1/24'; sleep 2; echo '{"command":"del","prefix":"${INJECTED}"}' ) | "$@"; echo "exit $?"`,
        "sh",
        process.execPath,
        "dist/main.js",
        "inject",
        "--stdin",
        "--socket",
        vipcast.socket,
      ],
      { name: "check" },
    );
    await routeAt(s, INJECTED, [vipcast, check]);
    await goneAt(s, INJECTED, [vipcast, check]);
    const output = await waitFor(
      "the end of the stream",
      () => check.output(),
      (text) => text.includes("exit"),
      { logs: [check] },
    );
    expect(output.split("\n").filter((line) => line !== "")).toEqual([
      "ok",
      'error line 2: "203.0.113.1/24" has bits set beyond its length. Write 203.0.113.0/24, or 203.0.113.1/32.',
      "ok",
      "exit 1",
    ]);
  });
});
