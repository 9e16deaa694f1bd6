// What `npm start` shows: the main job on a real FRR router in a network namespace, or, where that cannot be had, on an
// embedded receiving router on loopback, and then it says so. Every step is checked: with --once the exit code is the answer.
// Owns the story and its words; the work is done by lab/ and by the program itself (dist/main.js).
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Receiver } from "./receiver.ts";
import { labProblem } from "./requirements.ts";
import { oneRouter } from "./topologies/oneRouter.ts";
import { waitFor } from "./waitFor.ts";

const VIP = "198.51.100.10/32";
const SECOND_VIP = "198.51.100.20/32";
const LIMIT_MS = 15_000;

/** One route as the router shows it, whatever the router is. */
interface SeenRoute {
  readonly nextHop: string;
  readonly communities: readonly string[];
}

interface Stage {
  /** Who the router is, in words. */
  readonly router: string;
  routes(): Promise<ReadonlyMap<string, SeenRoute>>;
  /** The router's own table as text. */
  table(): Promise<string>;
  stopSpeaker(): Promise<{ readonly code: number | null; readonly ms: number }>;
  speakerLog(): string;
  close(): Promise<void>;
}

const say = (text = ""): void => console.log(text);
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

async function main(): Promise<number> {
  const once = process.argv.includes("--once");
  const dir = mkdtempSync(join(tmpdir(), "vipcast-demo-"));
  const manifests = join(dir, "manifests");
  cpSync(join(root, "config", "examples"), manifests, { recursive: true });
  const problem = labProblem();
  say("vipcast: LoadBalancer addresses from a directory of manifests into a router's BGP table");
  say();
  if (problem !== null) {
    say(`No FRR router here (${problem}).`);
    say("Falling back to an embedded receiving router on loopback: same speaker, same messages, no real router.");
    say();
  }
  let stage: Stage | null = null;
  try {
    stage = problem === null ? await frrStage(manifests) : await loopbackStage(manifests);
    await scenario(stage, manifests);
    if (!once) await live(stage, manifests);
    await farewell(stage);
    say();
    say(once ? "All steps passed." : "Done.");
    return 0;
  } catch (error) {
    say();
    say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
    if (stage !== null) say(`The speaker's last words:\n${stage.speakerLog()}`);
    return 1;
  } finally {
    await stage?.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function scenario(stage: Stage, manifests: string): Promise<void> {
  say(`Router:    ${stage.router}`);
  say(`Speaker:   vipcast speaker --manifests ${manifests} --node-name node-1`);
  say();
  await step("the service's address is in the router's table", stage, (r) => r.has(VIP));
  const route = (await stage.routes()).get(VIP);
  if (!route?.communities.includes("65001:100")) throw new Error(`${VIP} came without its community 65001:100`);
  say();
  say(indent(await stage.table()));
  say();

  edit(manifests, "web.yaml", (text) => text.replace("ready: true", "ready: false"));
  await step("its endpoint is no longer ready: withdrawn", stage, (r) => !r.has(VIP));
  edit(manifests, "web.yaml", (text) => text.replace("ready: false", "ready: true"));
  await step("ready again: announced", stage, (r) => r.has(VIP));

  const web = readFileSync(join(manifests, "web.yaml"), "utf8");
  const second = web.replaceAll("198.51.100.10", "198.51.100.20").replaceAll("web", "api");
  write(manifests, "api.yaml", second);
  await step("a second manifest appears: announced as well", stage, (r) => r.has(SECOND_VIP) && r.has(VIP));

  write(manifests, "api.yaml", second.replace("spec:", "spec: {{"));
  await said("a broken manifest is reported with file and line, and nothing is lost", stage, "api.yaml");
  const after = await stage.routes();
  if (!after.has(SECOND_VIP) || !after.has(VIP)) throw new Error("a broken manifest cost a route");
  rmSync(join(manifests, "api.yaml"));
  await step("the second manifest is removed: withdrawn", stage, (r) => !r.has(SECOND_VIP) && r.has(VIP));
}

/** Shows the table whenever it changes, until interrupted. */
async function live(stage: Stage, manifests: string): Promise<void> {
  say();
  say("Now it is yours: edit the manifests and watch the table. For example");
  say(`  sed -i 's/ready: true/ready: false/' ${join(manifests, "web.yaml")}`);
  say("Ctrl-C ends it.");
  let stopped = false;
  let wake = (): void => {};
  const onSignal = (): void => {
    stopped = true;
    wake();
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  let shown = "";
  while (!stopped) {
    const routes = [...(await stage.routes())].map(
      ([prefix, r]) => `${prefix} via ${r.nextHop} ${r.communities.join(" ")}`,
    );
    const text = routes.length === 0 ? "(no routes)" : routes.sort().join("\n");
    if (text !== shown) {
      say();
      say(`${new Date().toISOString().slice(11, 23)}  the router's table:`);
      say(indent(text));
      shown = text;
    }
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, 300);
    });
  }
  say();
}

async function farewell(stage: Stage): Promise<void> {
  const { code, ms } = await stage.stopSpeaker();
  if (code !== 0) throw new Error(`the speaker ended with exit code ${code}`);
  await step(`SIGTERM: everything withdrawn, the speaker left in ${ms.toFixed(0)} ms`, stage, (r) => r.size === 0);
}

async function step(
  what: string,
  stage: Stage,
  done: (routes: ReadonlyMap<string, SeenRoute>) => boolean,
): Promise<void> {
  const started = performance.now();
  await waitFor(what, () => stage.routes(), done, { timeoutMs: LIMIT_MS, everyMs: 5 });
  say(`  ok  ${what} (seen after ${(performance.now() - started).toFixed(0)} ms)`);
}

async function said(what: string, stage: Stage, needle: string): Promise<void> {
  const lines = async (): Promise<string> => stage.speakerLog();
  const log = await waitFor(what, lines, (text) => text.includes(needle), { timeoutMs: LIMIT_MS, everyMs: 5 });
  const line = log.split("\n").find((l) => l.includes(needle)) ?? "";
  say(`  ok  ${what}`);
  say(indent(messageOf(line)));
}

function messageOf(line: string): string {
  try {
    const entry = JSON.parse(line) as { file?: string; line?: number; msg?: string };
    return `${entry.file ?? ""}:${entry.line ?? ""}: ${entry.msg ?? ""}`;
  } catch {
    return line;
  }
}

/** Replaces a file the way careful programs do: written beside it, then renamed. */
function write(manifests: string, name: string, text: string): void {
  const temporary = join(manifests, `.${name}.tmp`);
  writeFileSync(temporary, text);
  renameSync(temporary, join(manifests, name));
}

function edit(manifests: string, name: string, change: (text: string) => string): void {
  write(manifests, name, change(readFileSync(join(manifests, name), "utf8")));
}

const indent = (text: string): string => text.trimEnd().replaceAll(/^/gm, "      ");

async function frrStage(manifests: string): Promise<Stage> {
  const { startVipcast } = await import("./vipcast.ts");
  const { lab, speaker, router } = await oneRouter();
  const vipcast = startVipcast(speaker, { manifests, nodeName: "node-1" });
  const version = (await router.vtysh("show version")).split("\n")[0] ?? "FRR";
  return {
    router: `${version} in network namespace ${router.host.namespace}, AS 65002`,
    routes: async () => {
      const seen = new Map<string, SeenRoute>();
      for (const [prefix, [route]] of await router.bgpRoutes()) {
        if (route?.best === true) seen.set(prefix, { nextHop: route.nextHop ?? "", communities: route.communities });
      }
      return seen;
    },
    table: () => router.vtysh("show bgp ipv4 unicast"),
    stopSpeaker: async () => {
      const stopped = await vipcast.stop();
      return { code: stopped.code, ms: stopped.ms };
    },
    speakerLog: () => vipcast.logTail(30),
    close: () => lab.close(),
  };
}

async function loopbackStage(manifests: string): Promise<Stage> {
  const receiver = await Receiver.listen({ asn: 65002 });
  // from another address than the router's: a route whose next hop is the router itself is sent to nobody
  const way = ["peerAddress: 127.0.0.1", "sourceAddress: 127.0.0.2", `peerPort: ${receiver.port}`].join("\n  ");
  edit(manifests, "peer.yaml", (text) => text.replace("peerAddress: 192.0.2.2", way));
  const program = join(root, "dist", "main.js");
  const child = spawn(process.execPath, [program, "speaker", "--manifests", manifests, "--node-name", "node-1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let log = "";
  child.stdout.on("data", (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-65_536);
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    router: `embedded receiver on 127.0.0.1:${receiver.port}, AS 65002`,
    routes: async () => receiver.table,
    table: async () =>
      [...receiver.table.values()].map((r) => `${r.prefix} via ${r.nextHop} ${r.communities.join(" ")}`).join("\n"),
    stopSpeaker: async () => {
      const started = performance.now();
      child.kill("SIGTERM");
      return { code: await exited, ms: performance.now() - started };
    },
    speakerLog: () => log.split("\n").slice(-30).join("\n"),
    close: async () => {
      child.kill("SIGKILL");
      await receiver.close();
    },
  };
}

process.exitCode = await main();
