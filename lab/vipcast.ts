// The speaker as a program of the lab. Owns its command line, the reading of its log and of its metrics. Knows nothing of
// manifests beyond their directory, nor of the API server beyond its kubeconfig.
// Contract: runs the built program (dist/main.js), as a user would, not its sources; fails clearly when it is not built.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Host } from "./lab.ts";
import type { Environment, LabProcess, Stopped } from "./process.ts";
import { type JsonObject, objectAt } from "./routes.ts";
import { type LogSource, waitFor } from "./waitFor.ts";

export interface VipcastOptions {
  /** Directory of manifests, or the file that leads to an API server: one of the two. */
  readonly manifests?: string;
  readonly kubeconfig?: string;
  readonly nodeName: string;
  readonly extraArgs?: readonly string[];
  readonly env?: Environment;
  /** Port of the metrics listener on the host's loopback; default 7472. */
  readonly metricsPort?: number;
  /** Program to run; default dist/main.js of this package. */
  readonly program?: string;
}

/** Starts the speaker; resolves when the process runs, not when it is ready (see `ready`). @throws Error when not built */
export function startVipcast(host: Host, options: VipcastOptions): Vipcast {
  return new Vipcast(host, options);
}

export class Vipcast implements LogSource {
  readonly name: string;
  readonly host: Host;
  readonly process: LabProcess;
  /** Path of the control socket. */
  readonly socket: string;
  readonly #program: string;
  readonly #base: string;

  constructor(host: Host, options: VipcastOptions) {
    const program = options.program ?? join(packageRoot(), "dist", "main.js");
    if (!existsSync(program)) throw new Error(`${program} does not exist: build first (npm run build)`);
    const endpoint = `127.0.0.1:${options.metricsPort ?? 7472}`;
    this.host = host;
    this.#program = program;
    this.#base = `http://${endpoint}`;
    this.socket = join(host.dir, "vipcast.sock");
    const { manifests, kubeconfig } = options;
    const source = manifests === undefined ? ["--kubeconfig", kubeconfig ?? ""] : ["--manifests", manifests];
    const ports = ["--metrics", endpoint, "--socket", this.socket];
    this.process = host.spawn(
      process.execPath,
      [program, "speaker", ...source, "--node-name", options.nodeName, ...ports, ...(options.extraArgs ?? [])],
      { name: "vipcast", env: options.env ?? {} },
    );
    this.name = this.process.name;
  }

  /** Runs another command of the same program on the same host, e.g. `cli("peers", "--json", "--socket", v.socket)`. */
  cli(...args: readonly string[]): Promise<string> {
    return this.host.exec(process.execPath, [this.#program, ...args]);
  }

  /** The log so far (its last 4 MiB), oldest first; a line that is not JSON appears as `{ msg: line }`. */
  logs(): readonly JsonObject[] {
    return this.process
      .output()
      .split("\n")
      .filter((line) => line !== "")
      .map(readLine);
  }

  /** Resolves when /readyz says yes. @throws WaitError */
  async ready(timeoutMs = 20_000): Promise<void> {
    const probe = (): Promise<string> => this.get("/readyz");
    await waitFor(`${this.name} to be ready`, probe, () => true, { timeoutMs, everyMs: 100, logs: [this] });
  }

  /** The text of /metrics. */
  metrics(): Promise<string> {
    return this.get("/metrics");
  }

  /** One sample of /metrics, by name and labels as printed, e.g. `metallb_bgp_session_up{peer="…"}`; null when absent. */
  async metric(sample: string): Promise<number | null> {
    const line = (await this.metrics()).split("\n").find((l) => l.startsWith(`${sample} `));
    return line === undefined ? null : Number(line.slice(sample.length + 1).split(" ")[0]);
  }

  /** GET on the metrics listener from inside the namespace. @throws CommandError for any status but 2xx */
  get(path: string): Promise<string> {
    return this.host.exec(process.execPath, ["-e", FETCH, `${this.#base}${path}`]);
  }

  /** SIGHUP: read everything again. */
  reload(): void {
    this.process.signal("SIGHUP");
  }

  /** Ends it; SIGKILL follows when it takes longer than `timeoutMs`. */
  stop(signal: NodeJS.Signals = "SIGTERM", timeoutMs = 5_000): Promise<Stopped> {
    return this.process.stop(signal, timeoutMs);
  }

  logTail(lines = 20): string {
    return this.process.logTail(lines);
  }
}

// a namespace belongs to a process, so the request is made by a program inside it
const FETCH = `fetch(process.argv[1]).then(async (r) => {
  process.stdout.write(await r.text());
  process.exitCode = r.ok ? 0 : 1;
}, (e) => { console.error(String(e.cause ?? e)); process.exitCode = 1; });`;

function readLine(line: string): JsonObject {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? objectAt(value) : { msg: line };
  } catch {
    return { msg: line };
  }
}

/** The directory with vipcast's package.json above this file, which may be the source or a bundle. */
export function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  for (let depth = 0; depth < 8; depth++, dir = dirname(dir)) {
    const file = join(dir, "package.json");
    if (existsSync(file) && readFileSync(file, "utf8").includes('"name": "vipcast"')) return dir;
  }
  throw new Error("vipcast's package.json is not above this file");
}
