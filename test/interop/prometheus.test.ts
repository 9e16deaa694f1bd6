// A real Prometheus scrapes a running speaker: every metric of docs/metrics.md arrives under its name and type, MetalLB's alerts and ours
// evaluate over them, and the one for a dead session is raised when the router goes. Needs Debian's package `prometheus`, no root.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LabProcess } from "../../lab/process.ts";
import { Receiver } from "../../lab/receiver.ts";
import { titleOrSkip } from "../../lab/requirements.ts";
import { listAt, objectAt, textAt } from "../../lab/routes.ts";
import { packageRoot } from "../../lab/vipcast.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { type Program, startSpeaker } from "./program.ts";
import { advertisement, NODE, pool, service, yamlOf } from "./support.ts";

const isThere = spawnSync("prometheus", ["--version"], { timeout: 10_000 }).status === 0;
const problem = isThere ? null : "prometheus is not installed";
const RULES = join(packageRoot(), "config", "monitoring", "rules", "vipcast.rules.yaml");

const ROW = /^\| `((?:metallb|vipcast)_[a-z0-9_]+)` \| ([A-Z]+) \| (\w+) \|/gm;
/** Name and type of each metric that docs/metrics.md gives to the speaker (S among the letters of its column `By`). */
const documented = new Map(
  [...readFileSync(join(packageRoot(), "docs", "metrics.md"), "utf8").matchAll(ROW)]
    .filter(([, , by = ""]) => by.includes("S"))
    .map(([, name = "", , type = ""]) => [name, type] as const),
);

let directory = "";
let router: Receiver;
let speaker: Program;
let prometheus: LabProcess;
let base = "";

/** `data` of an answer of Prometheus' HTTP interface. */
async function ask(path: string, query: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const answer = await fetch(`${base}/api/v1/${path}?${new URLSearchParams(query)}`);
  const said = objectAt(await answer.json());
  if (said.status !== "success") throw new Error(`${path}: ${textAt(said.error)}`);
  return said.data;
}

const rules = async () =>
  listAt(objectAt(await ask("rules")).groups).flatMap((group) =>
    listAt(objectAt(group).rules).map((rule) => objectAt(rule)),
  );

/** Of those that the system gives to nobody by itself before it is taken. */
async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const port = 17_000 + Math.floor(Math.random() * 15_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (isFree) {
      await new Promise((resolve) => server.close(resolve));
      return port;
    }
  }
  throw new Error("no free port between 17000 and 32000 on loopback");
}

async function startPrometheus(target: string): Promise<void> {
  const file = join(directory, "prometheus.yml");
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "500ms" },
    rule_files: [RULES],
    scrape_configs: [{ job_name: "speaker", static_configs: [{ targets: [target] }] }],
  };
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML
  const address = `127.0.0.1:${await freePort()}`;
  base = `http://${address}`;
  const storage = `--storage.tsdb.path=${join(directory, "data")}`;
  const command = ["prometheus", `--config.file=${file}`, storage, `--web.listen-address=${address}`];
  const env = { PATH: `${process.env.PATH ?? ""}:/usr/bin`, HOME: directory };
  prometheus = new LabProcess(command, env, join(directory, "prometheus.log"));
}

describe.skipIf(problem !== null)(titleOrSkip("Prometheus", problem), () => {
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "prometheus-"));
    router = await Receiver.listen({ asn: 65_000 });
    const addresses = { peerAddress: "127.0.0.1", peerPort: router.port, sourceAddress: "127.0.0.2" };
    const peer = {
      apiVersion: "metallb.io/v1beta2",
      kind: "BGPPeer",
      metadata: { name: "router", namespace: "metallb-system" },
      spec: { myASN: 65_001, peerASN: 65_000, ...addresses },
    };
    const objects = [peer, pool(), advertisement(), ...service("web", "198.51.100.1")];
    writeFileSync(join(directory, "all.yaml"), yamlOf(...objects));
    const socket = join(directory, "vipcast.sock");
    speaker = startSpeaker(NODE, "--manifests", join(directory, "all.yaml"), "--socket", socket);
    await waitFor(
      "the route",
      () => router.table.size,
      (n) => n === 1,
      { logs: [speaker] },
    );
    await startPrometheus(await speaker.address("metrics and health"));
  });
  afterEach(async () => {
    await prometheus.stop();
    await speaker.stop();
    await router.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test("scrapes what docs/metrics.md says, and every alert evaluates", async () => {
    const logs = [prometheus, speaker];
    const value = async (expression: string): Promise<string | null> => {
      const [sample] = listAt(objectAt(await ask("query", { query: expression })).result);
      return textAt(listAt(objectAt(sample).value)[1]);
    };
    await waitFor(
      "a good scrape",
      () => value('up{job="speaker"}'),
      (up) => up === "1",
      { logs, timeoutMs: 20_000 },
    );
    // a scrape that comes too late hides them until the next one
    for (const sample of ["metallb_bgp_session_up", 'metallb_speaker_announced{service="default/web"}'])
      await waitFor(
        sample,
        () => value(sample),
        (seen) => seen === "1",
        { logs, timeoutMs: 20_000 },
      );

    const families = Object.entries(objectAt(await ask("metadata")));
    expect(documented.size).toBeGreaterThan(0);
    const own = families
      .filter(([name]) => /^(metallb|vipcast)_/.test(name))
      .map(([name, said]) => [name, textAt(objectAt(listAt(said)[0]).type)] as const);
    // series or not, the head of each family is there; but for the one that the BFD thread keeps, which nobody needs here
    const expected = [...documented].filter(([name]) => name !== "vipcast_bfd_lateness_seconds");
    expect(new Map(own.sort())).toEqual(new Map(expected.sort()));

    const evaluated = await waitFor(
      "all rules to be evaluated",
      rules,
      (all) => all.length > 0 && all.every((rule) => rule.health !== "unknown"),
      { logs, timeoutMs: 20_000 },
    );
    expect(evaluated.filter((rule) => rule.health !== "ok")).toEqual([]);
    expect(evaluated.filter((rule) => rule.state !== "inactive").map((rule) => rule.name)).toEqual([]);

    await router.close();
    const dead = async () => (await rules()).find((rule) => rule.name === "MetalLBBGPSessionDown")?.state;
    await waitFor("the alert for the session", dead, (state) => state === "pending", { logs, timeoutMs: 20_000 });
  });
});
