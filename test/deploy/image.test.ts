// The steps of the Dockerfile, done without a container engine: what is copied suffices to build, what is built runs alone, with
// the capabilities that a pod gives it; and it tells a service manager of its life.
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { invariant } from "../../src/kernel/result.ts";
import { SPEAKER_PERMISSIONS } from "../../src/kube/permissions.ts";
import { WATCHED } from "../../src/kube/resources.ts";
import { unpackCodeCache } from "../../src/launch/codeCache.ts";
import type { Native } from "../../src/linux/native.ts";
import { openNotifyListener } from "../../src/linux/sdNotify.ts";
import { serviceAccount } from "../kube/access.ts";
import { startApiServer } from "../kube/apiServer.ts";
import { kubectlProblem } from "../kube/kubectl.ts";
import { kustomized } from "./manifests.ts";

const ROOT = join(import.meta.dirname, "../..");
const BUILD_LIMIT_MS = 120_000;

let scratch: string;
let image: string;
let manifests: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "vipcast-image-"));
  chmodSync(scratch, 0o755); // another user runs what is in it
  const build = join(scratch, "build");
  mkdirSync(build);
  const [stage = ""] = readFileSync(join(ROOT, "Dockerfile"), "utf8").split(/^FROM .* AS node$/m);
  for (const [, what = ""] of stage.matchAll(/^COPY (.+)$/gm)) {
    const words = what.split(" ");
    for (const from of words.slice(0, -1)) cpSync(join(ROOT, from), join(build, from), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(build, "node_modules")); // in place of `npm ci`
  image = join(scratch, "image");
  const [, command = ""] = /^RUN (sh scripts\/image\.sh) \/image$/m.exec(stage) ?? [];
  execFileSync("sh", ["-c", `${command} ${image}`], { cwd: build, timeout: BUILD_LIMIT_MS });
  manifests = join(scratch, "manifests");
  mkdirSync(manifests);
  const examples = join(ROOT, "config/examples");
  for (const name of readdirSync(examples).filter((n) => n.endsWith(".yaml")))
    copyFileSync(join(examples, name), join(manifests, name));
  execFileSync("chmod", ["-R", "a+rX", scratch]);
}, BUILD_LIMIT_MS);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const speakerArgs = (): string[] => [
  join(image, "main.js"),
  "speaker",
  "--manifests",
  manifests,
  "--node-name",
  "node-1",
];

describe("the image", () => {
  test("runs alone, and knows its version", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    const said = execFileSync(process.execPath, [join(image, "main.js"), "--version"], { cwd: "/", encoding: "utf8" });
    expect(said.trim()).toBe(version);
  });

  test("has code for its program that this Node takes", () => {
    const [text, file] = ["program.js", "program.cache"].map((name) => readFileSync(join(image, name)));
    invariant(text !== undefined && file !== undefined, "both were read");
    const compiled = unpackCodeCache(text, file);
    expect(compiled, "it was made of this very text").not.toBeNull();
    writeFileSync(join(scratch, "compiled"), compiled ?? "");
    // in a process of its own: V8 takes no code that was made under other flags, and these are the test runner's
    const ask = `const { readFileSync } = require("node:fs"); const [text, compiled] = process.argv.slice(1).map((f) => readFileSync(f));
      console.log(new (require("node:vm").Script)(text.toString("latin1"), { cachedData: compiled }).cachedDataRejected);`;
    const files = [join(image, "program.js"), join(scratch, "compiled")];
    expect(execFileSync(process.execPath, ["-e", ask, ...files], { encoding: "utf8" }).trim()).toBe("false");
  });

  test("holds the program and what it loads, and no more than 6 MB", () => {
    const files = ["bfdWorker.js", "main.js", "node_modules", "package.json", "program.cache", "program.js"];
    expect(readdirSync(image).sort()).toEqual(files);
    const sizes = readdirSync(image, { recursive: true, withFileTypes: true, encoding: "utf8" })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(6_000_000);
  });
});

interface Pod {
  readonly bounding: string;
  readonly mayEscalate: boolean;
}

const programs = ["setcap", "setpriv", "unshare"];
const missing = programs.filter((name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0);
const capabilityProblem =
  process.getuid?.() !== 0 ? "needs root" : missing.length > 0 ? `there is no ${missing.join(", ")}` : null;

describe.skipIf(capabilityProblem !== null)(titleOrSkip("as a user that is not root", capabilityProblem), () => {
  let node: string;
  const children: ChildProcess[] = [];

  beforeAll(() => {
    node = join(scratch, "node");
    copyFileSync(process.execPath, node);
    const [, capabilities = ""] = /^RUN setcap (\S+) /m.exec(readFileSync(join(ROOT, "Dockerfile"), "utf8")) ?? [];
    execFileSync("setcap", [capabilities, node]);
  });

  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });

  /** Runs in a network of its own with a pod's capabilities. @returns the messages up to one that fits */
  async function until(fits: RegExp, pod: Pod, args: readonly string[]): Promise<readonly string[]> {
    const user = ["--reuid", "65532", "--regid", "65532", "--clear-groups", `--bounding-set=${pod.bounding}`];
    // a program in between, because setpriv itself keeps what root had
    const inner = pod.mayEscalate ? ["env"] : ["setpriv", "--no-new-privs"];
    const command = ["-n", "setpriv", ...user, ...inner, node, ...speakerArgs(), ...args];
    const child = spawn("unshare", command, { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    const messages: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      messages.push((JSON.parse(line) as { readonly msg: string }).msg);
      if (fits.test(messages.at(-1) ?? "")) break;
    }
    return messages;
  }

  const DECIDED = /services announced to/;
  const LISTEN = ["--listen", "0.0.0.0:179"];

  test("it starts where every capability is withheld and no escalation is allowed", async () => {
    const messages = await until(DECIDED, { bounding: "-all", mayEscalate: false }, []);
    expect(messages.at(-1)).toMatch(DECIDED);
  });

  test("it listens on port 179 where that capability is given and escalation is allowed", async () => {
    const messages = await until(DECIDED, { bounding: "-all,+net_bind_service", mayEscalate: true }, LISTEN);
    expect(messages).toContain("peers may connect");
  });

  test("it says what it lacks where escalation is not allowed", async () => {
    const messages = await until(/EACCES/, { bounding: "-all,+net_bind_service", mayEscalate: false }, LISTEN);
    expect(messages.at(-1)).toMatch(/port 179.*EACCES/);
  });
});

const clusterProblem = kubectlProblem();

describe.skipIf(clusterProblem !== null)(titleOrSkip("in a cluster", clusterProblem), () => {
  test.each(["standalone", "metallb-dropin"])(
    "with the rights of overlays/%s the speaker reads all it wants, is refused nothing, and announces",
    async (overlay) => {
      const account = serviceAccount("metallb-system", "vipcast-speaker");
      const server = await startApiServer({ tokens: { secret: account } });
      for (const definition of kustomized("crds")) server.apply(definition);
      for (const one of kustomized(`overlays/${overlay}`)) server.apply(one);
      for (const name of readdirSync(manifests)) server.apply(readFileSync(join(manifests, name), "utf8"));
      const kubeconfig = join(scratch, `kubeconfig-${overlay}`);
      const config = {
        apiVersion: "v1",
        kind: "Config",
        "current-context": "c",
        contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
        clusters: [{ name: "c", cluster: { server: server.url } }],
        users: [{ name: "u", user: { token: "secret" } }],
      };
      writeFileSync(kubeconfig, JSON.stringify(config));
      const args = [join(image, "main.js"), "speaker", "--kubeconfig", kubeconfig, "--node-name", "node-1"];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      try {
        const messages: string[] = [];
        for await (const line of createInterface({ input: child.stdout })) {
          messages.push((JSON.parse(line) as { readonly msg: string }).msg);
          if (/services announced to/.test(messages.at(-1) ?? "")) break;
        }
        expect(messages.at(-1)).toBe("1 of 1 services announced to 1 peers");
        const plurals = SPEAKER_PERMISSIONS.filter((p) => p.verbs.length === 2).map((p) => p.resource.plural);
        for (const resource of WATCHED.map((w) => w.resource.plural)) {
          expect(plurals).toContain(resource);
          await server.requests.until({ verb: "watch", resource, code: 200 });
        }
        expect(server.requests.all.filter((r) => r.code >= 400).map((r) => `${r.verb} ${r.path} ${r.code}`)).toEqual(
          [],
        );
        expect(new Set(server.requests.all.map((r) => r.user))).toEqual(new Set([account.name]));
      } finally {
        child.kill("SIGKILL");
        await server.stop();
      }
    },
  );
});

describe("a service manager", () => {
  let heard: readonly string[] = [];
  let listener: { readonly fd: number; readonly calls: Native } | null = null;
  let child: ChildProcess | null = null;

  afterEach(async () => {
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    listener?.calls.close(listener.fd);
    listener = null;
    heard = [];
  });

  /** Reads what arrives until something fits; a descriptor of our own offers no event. */
  async function hear(fits: RegExp): Promise<string> {
    const limit = performance.now() + 20_000;
    const into = new Uint8Array(1024);
    while (listener !== null && performance.now() < limit) {
      const length = listener.calls.receive(listener.fd, into, new Uint8Array(128));
      if (length < 0) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        continue;
      }
      const message = new TextDecoder().decode(into.subarray(0, length));
      heard = [...heard, message];
      if (fits.test(message)) return message;
    }
    throw new Error(`not heard: ${fits}, but ${JSON.stringify(heard)}`);
  }

  test.each([
    ["by a path", () => join(scratch, `notify-${process.pid}`)],
    ["by an abstract name", () => `@vipcast-test-${process.pid}`],
  ])("reached %s hears of start, life, reload and stop", async (_how, name) => {
    listener = openNotifyListener(name());
    const env = { PATH: process.env.PATH, NOTIFY_SOCKET: name(), WATCHDOG_USEC: "200000" };
    child = spawn(process.execPath, [...speakerArgs(), "--drain-time", "1s"], { env, stdio: "ignore" });
    expect(await hear(/READY=1/)).toBe("READY=1\nSTATUS=announcing");
    await hear(/^WATCHDOG=1$/);
    child.kill("SIGHUP");
    expect(await hear(/RELOADING=1/)).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+\n/);
    await hear(/READY=1/);
    child.kill("SIGTERM");
    expect(await hear(/STOPPING=1/)).toMatch(/EXTEND_TIMEOUT_USEC=8500000$/);
    await hear(/^WATCHDOG=1$/); // while it drains it is alive
    const [code] = (await once(child, "exit")) as [number];
    expect(code).toBe(0);
  });
});
