// Packets on a wire of the lab, as tshark shows them. Owns its command line and the reading of its fields. Knows nothing of
// what the packets mean.
// Contract: `startCapture` resolves when packets are being taken; `rows` shows those that were seen so far.
import { spawnSync } from "node:child_process";
import type { Host } from "./lab.ts";
import { waitFor } from "./waitFor.ts";

/** Why packets cannot be captured on this machine; null when they can. */
export const captureProblem = (): string | null =>
  spawnSync("tshark", ["--version"], { stdio: "ignore" }).status === 0 ? null : "tshark is not installed";

export interface Capture {
  /** One record per packet, oldest first; a field that a packet does not have is empty. @param maxBytes of what tshark said last */
  rows(maxBytes?: number): readonly Readonly<Record<string, string>>[];
  stop(): Promise<void>;
}

/**
 * @param filter in the language of libpcap, e.g. `tcp port 179`
 * @param fields as tshark names them, e.g. `ip.ttl`
 */
export async function startCapture(
  host: Host,
  interfaceName: string,
  filter: string,
  fields: readonly string[],
): Promise<Capture> {
  const args = ["-i", interfaceName, "-f", filter, "-l", "-n", "-T", "fields", "-E", "separator=/t"];
  const tshark = host.spawn("tshark", [...args, ...fields.flatMap((field) => ["-e", field])]);
  await waitFor(
    "tshark to capture",
    () => tshark.output(),
    (said) => said.includes("Capturing on"),
    { logs: [tshark] },
  );
  return {
    rows: (maxBytes) =>
      tshark
        .output(maxBytes)
        .split("\n")
        .slice(maxBytes === undefined ? 0 : 1) // the first one may be cut
        .filter((line) => line.includes("\t"))
        .map((line) => {
          const values = line.split("\t");
          return Object.fromEntries(fields.map((field, i) => [field, values[i] ?? ""]));
        }),
    stop: async () => {
      await tshark.stop("SIGINT");
    },
  };
}
