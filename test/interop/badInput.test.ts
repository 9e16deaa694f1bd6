// Bad input of every sort, at a real router: a clear message, only the object or peer concerned is affected, and nothing
// that was announced is lost by it. "Nothing lost" is read from FRR's UPDATE counter; a sentinel route shows that the
// speaker went on working meanwhile.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { JsonObject } from "../../lab/routes.ts";
import { type OneRouter, oneRouter } from "../../lab/topologies/oneRouter.ts";
import type { Vipcast } from "../../lab/vipcast.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { cutMessages, type Fault, PORTS, RAW_ROUTER, type RawMessage } from "./rawRouter.ts";
import {
  advertisement,
  bgpPeer,
  goneAt,
  labTracker,
  logLine,
  Manifests,
  NODE,
  pool,
  prefixesAt,
  ROUTE,
  routeAt,
  service,
  startSpeaker,
  VIP,
  yamlOf,
} from "./support.ts";

const problem = labProblem();
const SENTINEL = "198.51.100.20/32";
const OTHER = "198.51.100.30/32";

describe.skipIf(problem !== null)(titleOrSkip("bad input", problem), () => {
  const track = labTracker();

  function fill(manifests: Manifests, topology: OneRouter): void {
    manifests.write("peer.yaml", bgpPeer(topology));
    manifests.write("pool.yaml", pool(), advertisement());
    manifests.write("web.yaml", ...service("web", VIP));
  }

  async function site() {
    const t = track(await oneRouter());
    const manifests = new Manifests(t.speaker);
    fill(manifests, t);
    const vipcast = startSpeaker(t.speaker, manifests);
    await routeAt(t, ROUTE, [vipcast]);
    return { ...t, manifests, vipcast };
  }

  const updates = async (t: OneRouter): Promise<number> =>
    (await t.router.peer(t.speakerAddress)).messages.updatesRecv ?? 0;

  /** The line of the log that reports a problem in a file. */
  const reported = (vipcast: Vipcast, file: string, text: RegExp): Promise<JsonObject> =>
    logLine(
      vipcast,
      `${file}: ${text.source}`,
      (l) => l.event === "configProblem" && l.file === file && text.test(String(l.msg)),
    );

  const web = yamlOf(...service("web", VIP));
  const moved = web.replace(VIP, "198.51.100.30");

  const typed = moved.replace("type: LoadBalancer", "type: 17");

  test.each([
    ["a file that is no YAML", "web.yaml", `${moved}---\nkind: [Service\n`, moved.split("\n").length + 1, /./],
    [
      "a type that is a number",
      "web.yaml",
      typed,
      typed.slice(0, typed.indexOf("type: 17")).split("\n").length,
      /spec\.type/,
    ],
    ["an impossible hold time", "peer.yaml", peerText("holdTime: 2s"), 10, /spec\.holdTime.*2 s/],
    ["an AS number that is none", "peer.yaml", peerText("localASN: 4294967296"), 10, /spec\.localASN/],
    [
      "a pool that is no range",
      "pool.yaml",
      poolText("198.51.100.300/24"),
      8,
      /spec\.addresses\[1\].*198\.51\.100\.300/,
    ],
  ])(
    "%s is reported with file and line, and the last good content stays in force",
    async (_what, file, text, line, says) => {
      const s = await site();
      const before = await updates(s);
      s.manifests.writeText(file, text);
      const said = await reported(s.vipcast, file, says);
      expect(said).toMatchObject({ level: "error", line });
      expect(String(said.hint)).toMatch(/stays in force/);
      s.manifests.write("sentinel.yaml", ...service("sentinel", "198.51.100.20"));
      await routeAt(s, SENTINEL, [s.vipcast]);
      expect(await prefixesAt(s)).toEqual([ROUTE, SENTINEL]);
      expect((await updates(s)) - before).toBe(1); // the sentinel's own
      expect(await s.router.peer(s.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
      // mended, the file counts again
      fill(s.manifests, s);
      s.manifests.writeText("web.yaml", moved);
      await routeAt(s, OTHER, [s.vipcast]);
      await logLine(s.vipcast, "the problem is solved", (l) => l.event === "problemSolved" && l.file === file);
    },
  );

  test("an unknown kind and a field that does not exist are reported; their file and all others take effect", async () => {
    const s = await site();
    const misspelt = { apiVersion: "metallb.io/v1beta2", kind: "BGPPear", metadata: { name: "x" }, spec: {} };
    const [sentinel, slice] = service("sentinel", "198.51.100.20");
    const adv = advertisement({ comunities: ["65001:1"] }, "extra");
    s.manifests.write("odd.yaml", misspelt, adv, sentinel ?? {}, slice ?? {});
    expect(await reported(s.vipcast, "odd.yaml", /BGPPear/)).toMatchObject({
      line: 2,
      hint: expect.stringMatching(/BGPPeer/),
    });
    expect(await reported(s.vipcast, "odd.yaml", /comunities/)).toMatchObject({ level: "warn" });
    await routeAt(s, SENTINEL, [s.vipcast]);
    expect(await prefixesAt(s)).toEqual([ROUTE, SENTINEL]);
  });

  test("of an object that is there twice the first one counts, the second is reported and takes over when the first goes", async () => {
    const s = await site();
    s.manifests.write("zzz.yaml", ...service("web", "198.51.100.30"));
    const said = await reported(s.vipcast, "zzz.yaml", /web/);
    expect(`${String(said.msg)} ${String(said.hint)}`).toMatch(/web\.yaml/);
    s.manifests.write("sentinel.yaml", ...service("sentinel", "198.51.100.20"));
    await routeAt(s, SENTINEL, [s.vipcast]);
    expect(await prefixesAt(s)).toEqual([ROUTE, SENTINEL]);
    s.manifests.remove("web.yaml");
    await routeAt(s, OTHER, [s.vipcast]);
    await goneAt(s, ROUTE, [s.vipcast]);
  });

  test("C-024 C-025 C-028 C-041 C-083 C-086 routers that send nonsense get the right NOTIFICATION, and the good one notices nothing", async () => {
    const s = await site();
    const before = await s.router.peer(s.speakerAddress);
    const raw = s.router.host.spawn(process.execPath, ["--input-type=module", "-e", RAW_ROUTER], { name: "raw" });
    const faults = Object.keys(PORTS) as Fault[];
    s.manifests.write(
      "bad.yaml",
      ...faults.map((f) => bgpPeer(s, { name: f.toLowerCase(), spec: { peerPort: PORTS[f] } })),
    );

    /** The last line about the first connection to the port that has one. */
    const heard = (fault: Fault) => {
      const all = raw
        .output()
        .split("\n")
        .filter((l) => l !== "")
        .map((l) => JSON.parse(l) as Heard);
      const mine = all.filter((h) => h.port === PORTS[fault]);
      return mine.filter((h) => h.connection === mine[0]?.connection).at(-1);
    };
    const goodbye = async (fault: Fault): Promise<readonly RawMessage[]> => {
      const logs = { logs: [s.vipcast, raw] };
      const last = await waitFor(
        `goodbye to ${fault}`,
        () => heard(fault),
        (h) => h?.ended === true,
        logs,
      );
      return cutMessages(last?.hex ?? "");
    };
    const open = { type: 1 };
    expect(await goodbye("badMarker")).toMatchObject([open, { type: 3, body: "0101" }]);
    expect(await goodbye("longLength")).toMatchObject([open, { type: 3, body: "0102ffff" }]);
    expect(await goodbye("randomOctets")).toMatchObject([open, { type: 3, body: "0101" }]);
    expect(await goodbye("oldVersion")).toMatchObject([open, { type: 3, body: "02010004" }]);
    for (const fault of ["badMarker", "longLength", "randomOctets", "oldVersion"] as const) {
      const peer = fault.toLowerCase();
      const line = await logLine(s.vipcast, peer, (l) => l.peer === peer && l.code !== undefined);
      expect(line).toMatchObject({ code: fault === "oldVersion" ? 2 : 1 });
    }
    // half a message and silence: nothing to object to yet, and nobody waits for it
    const half = await waitFor(
      "our OPEN",
      () => heard("halfMessage"),
      (h) => h !== undefined,
      { logs: [s.vipcast, raw] },
    );
    expect(half?.ended).toBe(false);
    expect(cutMessages(half?.hex ?? "")).toMatchObject([open]);

    s.manifests.write("sentinel.yaml", ...service("sentinel", "198.51.100.20"));
    await routeAt(s, SENTINEL, [s.vipcast]);
    const after = await s.router.peer(s.speakerAddress);
    expect(after).toMatchObject({ established: 1, dropped: 0 });
    expect((after.messages.updatesRecv ?? 0) - (before.messages.updatesRecv ?? 0)).toBe(1);
    const end = await s.vipcast.stop();
    expect(end).toMatchObject({ code: 0, forced: false });
  });

  interface Heard {
    readonly port: number;
    readonly connection: number;
    readonly hex: string;
    readonly ended: boolean;
  }

  test("a full disk for the log: routes come, change and go as ever, and the end is in order", async () => {
    const t = track(await oneRouter());
    const manifests = new Manifests(t.speaker);
    fill(manifests, t);
    const program = join(import.meta.dirname, "..", "..", "dist", "main.js");
    const args = ["speaker", "--manifests", manifests.dir, "--node-name", NODE, "--log-level", "debug"];
    const command = ["-c", 'exec "$@" > /dev/full 2>&1', "sh", process.execPath, program, ...args];
    const speaker = t.speaker.spawn("sh", command, { name: "vipcast" });
    await routeAt(t, ROUTE);
    for (const n of [1, 2, 3]) {
      manifests.write("sentinel.yaml", ...service("sentinel", "198.51.100.20"));
      await routeAt(t, SENTINEL);
      manifests.writeText("broken.yaml", `a: [${n}\n`);
      manifests.remove("sentinel.yaml");
      await goneAt(t, SENTINEL);
    }
    expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
    expect(await speaker.stop()).toMatchObject({ code: 0, forced: false });
    await goneAt(t, ROUTE, [], 500);
  });

  test("the directory vanishes: nothing is withdrawn; it returns: changes are followed again", async () => {
    const s = await site();
    const before = await updates(s);
    const away = `${s.manifests.dir}.away`;
    renameSync(s.manifests.dir, away);
    const isAboutIt = (l: JsonObject) => l.event === "configProblem" && l.kind === "Directory";
    await logLine(s.vipcast, "the directory is missed", isAboutIt);
    // another one takes its place: the same files, one more, one changed
    mkdirSync(s.manifests.dir);
    fill(s.manifests, s);
    s.manifests.write("sentinel.yaml", ...service("sentinel", "198.51.100.20"));
    await routeAt(s, SENTINEL, [s.vipcast]);
    await logLine(s.vipcast, "the directory is back", (l) => l.event === "problemSolved" && l.kind === "Directory");
    expect(await prefixesAt(s)).toEqual([ROUTE, SENTINEL]);
    expect((await updates(s)) - before).toBe(1);
    s.manifests.writeText("web.yaml", moved);
    await routeAt(s, OTHER, [s.vipcast]);
    await goneAt(s, ROUTE, [s.vipcast]);
    // and once more, away and back as it was
    rmSync(away, { recursive: true });
    renameSync(s.manifests.dir, away);
    renameSync(away, s.manifests.dir);
    s.manifests.remove("sentinel.yaml");
    await goneAt(s, SENTINEL, [s.vipcast]);
    expect(await prefixesAt(s)).toEqual([OTHER]);
  });

  test("at the start the directory is not there: the speaker says so, waits, and begins when it appears", async () => {
    const t = track(await oneRouter());
    const manifests = new Manifests(t.speaker);
    fill(manifests, t);
    const away = `${manifests.dir}.away`;
    renameSync(manifests.dir, away);
    const vipcast = startSpeaker(t.speaker, manifests);
    await logLine(vipcast, "the directory is missed", (l) => l.event === "configProblem" && l.kind === "Directory");
    await expect(vipcast.get("/readyz")).rejects.toThrow();
    renameSync(away, manifests.dir);
    await routeAt(t, ROUTE, [vipcast]);
    await vipcast.ready();
  });

  test("a ConfigMap volume is swapped: what stays is not touched, what changed is there at once", async () => {
    const t = track(await oneRouter());
    const manifests = new Manifests(t.speaker);
    const at = (name: string): string => join(manifests.dir, name);
    /** As the kubelet does it: a new directory, then one rename of the link that all files go through. */
    const swap = (version: string, files: Readonly<Record<string, string>>) => {
      mkdirSync(at(`..${version}`));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(at(`..${version}`), name), text);
      symlinkSync(`..${version}`, at("..data_tmp"));
      renameSync(at("..data_tmp"), at("..data"));
      for (const name of Object.keys(files)) if (version === "one") symlinkSync(join("..data", name), at(name));
    };
    const common = { "peer.yaml": yamlOf(bgpPeer(t)), "pool.yaml": yamlOf(pool(), advertisement()), "web.yaml": web };
    const changing = (vip: string) => yamlOf(...service("changing", vip));
    swap("one", { ...common, "changing.yaml": changing("198.51.100.20") });
    const vipcast = startSpeaker(t.speaker, manifests);
    await routeAt(t, SENTINEL, [vipcast]);
    await routeAt(t, ROUTE, [vipcast]);
    const before = await updates(t);
    swap("two", { ...common, "changing.yaml": changing("198.51.100.30") });
    rmSync(at("..one"), { recursive: true });
    const since = performance.now();
    await routeAt(t, OTHER, [vipcast]);
    expect(performance.now() - since).toBeLessThan(8_000);
    await goneAt(t, SENTINEL, [vipcast]);
    expect(await prefixesAt(t)).toEqual([ROUTE, OTHER]);
    expect((await updates(t)) - before).toBe(2); // one withdrawal, one announcement
    expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
  });
});

/** A BGPPeer of which line 10 is the given one. */
function peerText(line: string): string {
  return `apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata:
  name: tor
  namespace: metallb-system
spec:
  myASN: 65001
  peerASN: 65002
  peerAddress: 192.0.2.2
  ${line}
`;
}

/** A pool of which line 8 is the given address. */
function poolText(address: string): string {
  return `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: public, namespace: metallb-system}
spec:
  addresses:
    # of the old site
    - 203.0.113.0/24
    - ${address}
---
${yamlOf(advertisement())}`;
}
