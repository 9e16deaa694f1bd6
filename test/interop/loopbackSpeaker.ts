// The built program on this machine's loopback, as anybody may start it: no namespace, no root. Owns its log and the questions to its
// metrics and health listener. Knows nothing of where the objects come from. Contract: ports are the kernel's choice; `stop` ends it
// in good order.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../lab/vipcast.ts";
import { type LogSource, waitFor } from "../../lab/waitFor.ts";

export class LoopbackSpeaker implements LogSource {
  readonly process: ChildProcess;
  readonly name = "vipcast";
  #output = "";

  /** @param args where the objects are, and what else is asked of it */
  constructor(nodeName: string, ...args: readonly string[]) {
    const main = join(packageRoot(), "dist", "main.js");
    const doors = ["--node-name", nodeName, "--metrics", "127.0.0.1:0"];
    this.process = spawn(process.execPath, [main, "speaker", ...doors, ...args], {
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

  async stop(): Promise<number | null> {
    if (this.process.exitCode !== null) return this.process.exitCode;
    this.process.kill("SIGTERM");
    return new Promise((resolve) => this.process.once("exit", resolve));
  }
}
