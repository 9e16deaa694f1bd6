// The speaker is killed again and again while it gives a thousand Services their addresses: whatever one of its lives may have announced, which
// is what the disk has, keeps its address in all later ones, and no address is given twice. Runs the program, bundled here from its sources.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRemembered } from "../../src/allocate/remembered.ts";
import type { DaemonStatus } from "../../src/observe/status.ts";
import { askDaemon, DaemonUnreachable } from "../../src/observe/statusSocket.ts";

const COUNT = 1_000;
const LIVES = 8;
const root = join(import.meta.dirname, "../..");
let dir = "";
let child: ChildProcess | null = null;

beforeAll(async () => {
  // inside the checkout, so that the bundle finds the packages that stay outside of it
  mkdirSync(join(root, "dist"), { recursive: true });
  dir = mkdtempSync(join(tmpdir(), "vipcast-kill-"));
  await build({
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["koffi"],
    logLevel: "silent",
    define: { VIPCAST_VERSION: '"test"' },
    banner: { js: 'import { createRequire as r } from "node:module"; const require = r(import.meta.url);' },
    entryPoints: [join(root, "src/main.ts")],
    outfile: join(root, "dist/killTest.js"),
  });
});

afterAll(() => {
  child?.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
  rmSync(join(root, "dist/killTest.js"), { force: true });
});

function start(): ChildProcess {
  const args = [
    "--manifests",
    join(dir, "m"),
    "--node-name",
    "n1",
    "--allocate",
    "--state-dir",
    join(dir, "s"),
    "--socket",
    join(dir, "sock"),
  ];
  return spawn(process.execPath, [join(root, "dist/killTest.js"), "speaker", ...args], { stdio: "ignore" });
}

/** Addresses as the daemon's status shows them; null while nobody answers. */
async function shown(): Promise<ReadonlyMap<string, string> | null> {
  try {
    const { allocations } = (await askDaemon(join(dir, "sock"), "/status")) as DaemonStatus;
    const given = Object.entries(allocations?.services ?? {}).filter(([, { ips }]) => ips.length > 0);
    return new Map(given.map(([key, { ips }]) => [key, ips.join("+")]));
  } catch (error) {
    if (error instanceof DaemonUnreachable) return null;
    throw error;
  }
}

/** Addresses as the disk has them. */
async function remembered(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(dir, "s", "allocations.json"), "utf8").catch(() => null);
  const parsed = text === null ? null : parseRemembered(text);
  if (parsed === null) return new Map();
  if (!parsed.ok) throw new Error(parsed.fault);
  return new Map([...parsed.held].map(([key, { ips }]) => [key, ips.join("+")]));
}

test(`${LIVES} lives that end by SIGKILL within ${COUNT} allocations lose nothing and double nothing`, async () => {
  const manifests = join(dir, "m");
  mkdirSync(manifests);
  const put = (name: string, text: string): void => {
    writeFileSync(join(manifests, `.${name}`), text);
    renameSync(join(manifests, `.${name}`), join(manifests, name));
  };
  put(
    "0pool.yaml",
    "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p}\nspec: {addresses: [10.0.0.0/16]}\n",
  );
  // names in an order that is not the one of arrival: what is given late must not push aside what was given before
  const nameOf = (i: number): string => `s${String((i * 7919) % COUNT).padStart(4, "0")}`;
  const written = new Map<string, string>();
  let next = 0;
  let interrupted = 0;
  for (let life = 0; life < LIVES; life++) {
    child = start();
    const until = performance.now() + 15_000;
    while ((await shown()) === null && performance.now() < until) await pause(20);
    const share = Math.ceil(COUNT / LIVES);
    for (const end = Math.min(COUNT, next + share); next < end; next++) {
      put(
        `${nameOf(next)}.yaml`,
        `apiVersion: v1\nkind: Service\nmetadata: {name: ${nameOf(next)}}\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n`,
      );
      if (next % 16 === 0) await pause(1);
    }
    await pause(life * 7); // at another moment of the work in each life
    child.kill("SIGKILL");
    await new Promise((resolve) => child?.once("exit", resolve));
    const now = await remembered();
    for (const [key, ips] of written) expect(now.get(key), `${key} in life ${life}`).toBe(ips);
    for (const [key, ips] of now) written.set(key, ips);
    expect(new Set(now.values()).size, "no address twice").toBe(now.size);
    if (now.size < next) interrupted++;
  }
  expect(interrupted, "lives that ended with allocations under way").toBeGreaterThan(0);
  child = start();
  await expect.poll(async () => (await shown())?.size, { timeout: 20_000, interval: 100 }).toBe(COUNT);
  const last = await shown();
  for (const [key, ips] of written) expect(last?.get(key), key).toBe(ips);
  expect(new Set(last?.values()).size).toBe(COUNT);
}, 60_000);
