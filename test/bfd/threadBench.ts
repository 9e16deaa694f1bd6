// The BFD thread as tests need it: its bundle, and clients on loopback whose ports are crossed, so that they meet each other.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { BfdClient, type ClientEvent, type ClientOptions } from "../../src/bfd/client.ts";
import type { BfdState } from "../../src/bfd/protocol.ts";
import type { BfdPorts } from "../../src/bfd/threads.ts";

const root = join(import.meta.dirname, "..", "..");

/** Bundles the thread once. @returns its file; `dispose` removes it */
export async function bundleWorker(): Promise<{ readonly file: URL; dispose(): void }> {
  const outfile = join(root, "dist", "tools", `bfdWorker-${process.pid}.js`);
  await build({
    entryPoints: [join(root, "src", "bfd", "worker.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    logLevel: "warning",
  });
  return { file: pathToFileURL(outfile), dispose: () => rmSync(outfile, { force: true }) };
}

/** Two sets of ports, each sending to what the other listens on. @param base six ports from here on are used */
export function crossedPorts(base: number): readonly [BfdPorts, BfdPorts] {
  const [a, b] = [0, 3].map((by) => ({ single: base + by, multi: base + by + 1, echo: base + by + 2 }));
  if (a === undefined || b === undefined) throw new Error("unreachable");
  return [
    { listen: a, send: b },
    { listen: b, send: a },
  ];
}

/** A client that remembers what it was told, and can be waited for. */
export class Watched {
  readonly client: BfdClient;
  readonly events: ClientEvent[] = [];
  readonly threads: Worker[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(options: Omit<ClientOptions, "onEvent">) {
    this.client = new BfdClient({
      ...options,
      onThread: (thread) => this.threads.push(thread),
      onEvent: (event) => {
        this.events.push(event);
        for (const look of [...this.#waiting]) look();
      },
    });
  }

  /** The first event from number `since` on that is accepted. @throws Error when it does not come */
  event<T extends ClientEvent>(
    what: string,
    is: (e: ClientEvent) => e is T,
    since?: number,
    limitMs?: number,
  ): Promise<T>;
  event(what: string, is: (e: ClientEvent) => boolean, since?: number, limitMs?: number): Promise<ClientEvent>;
  event(what: string, is: (e: ClientEvent) => boolean, since = 0, limitMs = 8_000): Promise<ClientEvent> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.events.slice(since).find(is);
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`${what}: not within ${limitMs} ms; seen: ${JSON.stringify(this.events)}`));
      }, limitMs);
      this.#waiting.add(look);
      look();
    });
  }

  /** The next change to this state, of any session. */
  state(to: BfdState, since = 0, limitMs?: number): Promise<ClientEvent> {
    return this.event(`state ${to}`, (e) => e.type === "stateChanged" && e.to === to, since, limitMs);
  }
}
