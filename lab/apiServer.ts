// The API server for tests in a lab or beside a bench: starts dist/apiServer.js and steers it. Owns its options file, its socket and
// the matching of answers to calls. Knows nothing of the objects it carries, but where the CustomResourceDefinitions lie.
// Contract: `start` resolves when the server takes requests; a call rejects with the server's words, or when the program has ended.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseAllDocuments } from "yaml";
import type { ApiServerOptions } from "../test/kube/apiServer.ts";
import type { Fault, FaultTarget } from "../test/kube/faults.ts";
import type { Json, KubeObject } from "../test/kube/objects.ts";
import type { RequestFilter } from "../test/kube/requestLog.ts";
import type { ServerAnswer, ServerCall } from "./apiServerCalls.ts";
import type { LabProcess } from "./process.ts";
import { type JsonObject, listAt, objectAt } from "./routes.ts";
import { packageRoot } from "./vipcast.ts";
import { type LogSource, waitFor } from "./waitFor.ts";

/** Where the program runs: a host of a lab, or a directory and a way to start programs. */
export interface ServerPlace {
  readonly dir: string;
  start(command: readonly string[]): LabProcess;
}

interface Pending {
  resolve(answer: { readonly value: unknown; readonly at: bigint }): void;
  reject(error: Error): void;
}

/** Objects of one call: a line of a few megabytes. */
const BATCH = 500;

export class LabApiServer implements LogSource {
  readonly name = "api server";
  readonly program: LabProcess;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;

  private constructor(program: LabProcess, socket: Socket) {
    this.program = program;
    this.#socket = socket;
    createInterface(socket).on("line", (line) => this.#answered(JSON.parse(line) as ServerAnswer));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      for (const { reject } of this.#pending.values()) reject(new Error(`the API server has ended\n${this.logTail()}`));
      this.#pending.clear();
    });
  }

  /** @throws Error when it is not built, or does not come up */
  static async start(place: ServerPlace, options: ApiServerOptions = {}): Promise<LabApiServer> {
    const program = join(packageRoot(), "dist", "apiServer.js");
    if (!existsSync(program)) throw new Error(`${program} does not exist: build first (npm run build)`);
    const control = join(place.dir, "api.sock");
    const file = join(place.dir, "api.json");
    writeFileSync(file, JSON.stringify({ ...options, control }));
    const started = place.start([process.execPath, program, file]);
    const attempt = (): Promise<Socket> =>
      new Promise((resolve, reject) => {
        const socket = connect(control, () => resolve(socket));
        socket.once("error", reject);
      });
    const log = { name: "api server", logTail: () => started.logTail() };
    const socket = await waitFor("the API server's door", attempt, () => true, { logs: [log] });
    return new LabApiServer(started, socket);
  }

  logTail(lines?: number): string {
    return this.program.logTail(lines);
  }

  url(): Promise<string> {
    return this.#ask<string>({ call: "url" });
  }

  /** Writes objects with their status, as an administrator. @returns monotonic nanoseconds just before the last of them */
  async apply(...objects: readonly Readonly<Record<string, unknown>>[]): Promise<bigint> {
    let at = 0n;
    const written = objects as readonly Json[]; // it leaves as JSON
    for (let i = 0; i < written.length; i += BATCH)
      at = (await this.#call({ call: "apply", objects: written.slice(i, i + BATCH) })).at;
    return at;
  }

  /** Every object of a YAML file of this package. @param path below its root @param namespace for those that name none */
  async applyFile(path: string, namespace = "metallb-system"): Promise<void> {
    const documents = parseAllDocuments(readFileSync(join(packageRoot(), path), "utf8")).map((d) => objectAt(d.toJS()));
    await this.apply(...documents.map((document) => inNamespace(document, namespace)));
  }

  /** The CustomResourceDefinitions of MetalLB and of ourselves. */
  async applyDefinitions(...groups: readonly ("metallb" | "vipcast")[]): Promise<void> {
    for (const group of groups) {
      const folder = join("config", "crds", group);
      const names = readdirSync(join(packageRoot(), folder)).filter((name) => name !== "kustomization.yaml");
      for (const name of names) await this.applyFile(join(folder, name));
    }
  }

  delete(kind: string, namespace: string, name: string): Promise<void> {
    return this.#ask({ call: "delete", kind, namespace, name });
  }

  list(kind: string): Promise<readonly KubeObject[]> {
    return this.#ask<readonly KubeObject[]>({ call: "list", kind });
  }

  /** @returns its number, for `hits` and `disarm` */
  fault(fault: Fault, target: FaultTarget = {}, times = 1): Promise<number> {
    return this.#ask<number>({ call: "fault", fault, target, times });
  }

  forbid(target: FaultTarget): Promise<number> {
    return this.#ask<number>({ call: "forbid", target });
  }

  hits(fault: number): Promise<number> {
    return this.#ask<number>({ call: "hits", fault });
  }

  disarm(fault: number): Promise<void> {
    return this.#ask({ call: "disarm", fault });
  }

  compact(): Promise<void> {
    return this.#ask({ call: "compact" });
  }

  closeWatches(resource?: string, how: "end" | "gone" = "end"): Promise<void> {
    return this.#ask({ call: "closeWatches", how, ...(resource === undefined ? {} : { resource }) });
  }

  /** Resets every connection. */
  cut(): Promise<void> {
    return this.#ask({ call: "cut" });
  }

  stall(resource?: string): Promise<void> {
    return this.#ask({ call: "stall", ...(resource === undefined ? {} : { resource }) });
  }

  /** Away: connections are reset, new ones refused, until `listen`. What is stored stays. */
  stop(): Promise<void> {
    return this.#ask({ call: "stop" });
  }

  listen(): Promise<void> {
    return this.#ask({ call: "listen" });
  }

  /** Open watches of one resource. @param resource plural */
  watches(resource: string): Promise<number> {
    return this.#ask<number>({ call: "watches", resource });
  }

  /** How many requests came that fit. */
  requests(filter: RequestFilter): Promise<number> {
    return this.#ask<number>({ call: "requests", filter });
  }

  /** The program ends with it. */
  close(): void {
    this.#socket.destroy();
  }

  async #ask<T = void>(call: ServerCall): Promise<T> {
    return (await this.#call(call)).value as T;
  }

  #call(call: ServerCall): Promise<{ readonly value: unknown; readonly at: bigint }> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error(`the API server has ended\n${this.logTail()}`));
      this.#pending.set(id, { resolve, reject });
      this.#socket.write(`${JSON.stringify({ ...call, id })}\n`);
    });
  }

  #answered(answer: ServerAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ("error" in answer) pending?.reject(new Error(answer.error));
    else pending?.resolve({ value: answer.value, at: BigInt(answer.at) });
  }
}

const OF_THE_CLUSTER: ReadonlySet<unknown> = new Set(["CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"]);

/** As kustomize does it: the object, and the accounts that a binding names. */
function inNamespace(document: JsonObject, namespace: string): JsonObject {
  const { kind, metadata, subjects } = document;
  const named =
    subjects === undefined ? {} : { subjects: listAt(subjects).map((s) => ({ ...objectAt(s), namespace })) };
  const place = OF_THE_CLUSTER.has(kind) ? {} : { namespace };
  return { ...document, ...named, metadata: { ...place, ...objectAt(metadata) } };
}
