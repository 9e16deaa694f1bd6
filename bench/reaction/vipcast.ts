// SHELL: vipcast as its users run it: dist/main.js with a directory of manifests. Owns the configuration and the reading of the
// program's log. Contract: a change is a finished file, renamed into the directory; what comes before the rename is not timed.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Workshop } from "../children.ts";
import { NODE, nameOf, service, sinkPeer } from "../manifests.ts";
import type { Injector, Way } from "./injector.ts";

/** `files`: one per service. `document`: all services in one file. */
type Layout = "files" | "document";

export const vipcastFiles: Way = {
  who: "vipcast",
  how: "rename of a manifest, one per service",
  start: (workshop, port, count) => startDaemon(workshop, port, count, "files"),
};

export const vipcastDocument: Way = {
  who: "vipcast",
  how: "rename of one manifest with all services",
  start: (workshop, port, count) => startDaemon(workshop, port, count, "document"),
};

/** The built program, beside the built bench. */
export const daemonProgram = join(dirname(fileURLToPath(import.meta.url)), "main.js");
/** Where the daemon of a workshop answers. */
export const daemonSocket = (workshop: Workshop): string => join(workshop.dir, "socket");

/**
 * The daemon over the directories `manifests`, which it follows, and `staging`, for files that are to be renamed into it.
 * @param more further arguments of the command line
 */
export async function startDaemon(
  workshop: Workshop,
  sinkPort: number,
  count: number,
  layout: Layout,
  more: readonly string[] = [],
): Promise<Injector> {
  const manifests = join(workshop.dir, "manifests");
  const staging = join(workshop.dir, "staging");
  mkdirSync(manifests);
  mkdirSync(staging);
  writeFileSync(join(manifests, "peer.yaml"), configuration(sinkPort));
  const services = Array.from({ length: count }, (_, i) => service(i, true));
  if (layout === "document") writeFileSync(join(manifests, "services.yaml"), services.join("---\n"));
  else for (const [i, text] of services.entries()) writeFileSync(join(manifests, `${nameOf(i)}.yaml`), text);

  const source = ["--manifests", manifests, "--node-name", NODE];
  // doors of its own, as a speaker of this machine may have the usual ones
  const doors = ["--socket", daemonSocket(workshop), "--metrics", `127.0.0.1:${sinkPort + 6_001}`];
  const program = workshop.start([
    process.execPath,
    daemonProgram,
    "speaker",
    ...source,
    ...doors,
    ...more,
    "--log-level",
    "debug",
  ]);
  let told = 0;
  return {
    program,
    prepare(route, isAnnounced) {
      const text = service(route, isAnnounced);
      services[route] = text;
      const name = layout === "document" ? "services.yaml" : `${nameOf(route)}.yaml`;
      const [from, to] = [join(staging, name), join(manifests, name)];
      writeFileSync(from, layout === "document" ? services.join("---\n") : text);
      return () => renameSync(from, to);
    },
    ownFigures() {
      const all = readFileSync(program.logFile, "utf8").split("\n").flatMap(readDuration);
      const fresh = all.slice(told);
      told = all.length;
      return fresh;
    },
    close() {},
  };
}

/** Milliseconds from a change in the store to its octets with the kernel, from a line of the program's log. */
function readDuration(line: string): number[] {
  if (!line.includes('"event":"changeApplied"')) return [];
  const { durationMs } = JSON.parse(line) as { readonly durationMs?: unknown };
  return typeof durationMs === "number" ? [durationMs] : [];
}

const configuration = (sinkPort: number): string => `${sinkPeer(sinkPort)}---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: bench, namespace: metallb-system }
spec:
  addresses: [10.0.0.0/8]
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: bench, namespace: metallb-system }
spec:
  ipAddressPools: [bench]
  communities: ["65001:100"]
`;
