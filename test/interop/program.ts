// The built program on this machine's loopback, as anybody may start it: no namespace, no root. Owns its log and the questions to its
// metrics and health listener. Knows nothing of where the objects come from. Contract: `stop` ends it, in good order unless it is told
// otherwise, and resolves with its exit code; null: a signal ended it.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../lab/vipcast.ts";
import { type LogSource, waitFor } from "../../lab/waitFor.ts";

export class Program implements LogSource {
  readonly process: ChildProcess;
  readonly name: string;
  #output = "";

  constructor(command: "speaker" | "controller", ...args: readonly string[]) {
    this.name = command;
    this.process = spawn(process.execPath, [join(packageRoot(), "dist", "main.js"), command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output = `${this.#output}${chunk.toString("utf8")}`.slice(-4_000_000);
      });
    }
  }

  get output(): string {
    return this.#output;
  }

  logTail(lines = 20): string {
    return this.#output.split("\n").slice(-lines).join("\n");
  }

  /** Of the first listener of this kind. */
  async address(what: string): Promise<string> {
    const find = () => this.#output.split("\n").find((l) => l.includes('"listening"') && l.includes(what));
    const line = await waitFor(`${what} to be served`, find, (l) => l !== undefined, { logs: [this] });
    return (JSON.parse(line ?? "{}") as { address: string }).address;
  }

  async page(path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://${await this.address("metrics and health")}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  async metric(sample: string): Promise<number> {
    const line = (await this.page("/metrics")).text.split("\n").find((l) => l.startsWith(`${sample} `));
    return Number(line?.slice(sample.length + 1));
  }

  async isReady(): Promise<void> {
    await waitFor(
      "readiness",
      async () => (await this.page("/readyz")).status,
      (status) => status === 200,
      { logs: [this], timeoutMs: 30_000 },
    );
  }

  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const { process: child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
    child.kill(signal);
    return new Promise((resolve) => child.once("exit", resolve));
  }
}

/** @param args where the objects are, and what else is asked of it; the metrics are on a port of the kernel's choice */
export const startSpeaker = (nodeName: string, ...args: readonly string[]): Program =>
  new Program("speaker", "--node-name", nodeName, "--metrics", "127.0.0.1:0", ...args);
