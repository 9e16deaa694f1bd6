// argv -> command. The only file that calls process.exit and that prints what commands give back.
import { Command, CommanderError } from "commander";
import { check } from "./commands/check.ts";
import { type CommandResult, UsageError } from "./commands/result.ts";
import { speaker } from "./commands/speaker.ts";

const USAGE_ERROR = 2;

const isTerminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

/** Prints and leaves; the callback form, so that a pipe gets everything before the end. */
function finish({ output, exitCode }: CommandResult): void {
  process.stdout.write(output, () => process.exit(exitCode));
}

function program(): Command {
  const vipcast = new Command("vipcast")
    .description("BGP speaker for LoadBalancer addresses, a drop-in for MetalLB's speaker in BGP mode")
    .version(VIPCAST_VERSION)
    .exitOverride();
  vipcast
    .command("speaker")
    .description("announce the addresses of Services to BGP peers")
    .requiredOption("--manifests <dir>", "directory of manifests")
    .requiredOption("--node-name <name>", "name of this node")
    .option("--metrics <host:port>", "")
    .option("--socket <path>", "")
    .option("--log-level <level>", "", "info")
    .action(async (flags: Record<string, string>) => {
      const [host, port] = (flags.metrics ?? "").split(":");
      process.exit(
        await speaker({
          nodeName: flags.nodeName ?? "",
          manifests: flags.manifests ?? "",
          lbClass: "",
          ignoreExcludeLb: false,
          routerId: null,
          shutdownText: "vipcast stops",
          logLevel: (flags.logLevel ?? "info") as "info",
          metrics: flags.metrics === undefined ? null : { host: host ?? "", port: Number(port) },
          socket: flags.socket ?? null,
        }),
      );
    });
  vipcast
    .command("check")
    .description("tell what is wrong in manifests and what every node would announce to every peer")
    .argument("<path...>", "files or directories of manifests")
    .option("--node <name>", "answer for this node only")
    .option("--json", "as JSON")
    .option("--lb-class <class>", "as the speaker has it", "")
    .option("--ignore-exclude-lb", "as the speaker has it")
    .action((paths: string[], flags: { node?: string; json?: true; lbClass: string; ignoreExcludeLb?: true }) => {
      const { node = null, json = false, lbClass, ignoreExcludeLb = false } = flags;
      finish(check(paths, { node, json, lbClass, ignoreExcludeLb, color: isTerminal }));
    });
  return vipcast;
}

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : USAGE_ERROR);
  if (error instanceof UsageError) {
    process.stderr.write(`vipcast: ${error.message}\n`);
    process.exit(USAGE_ERROR);
  }
  throw error;
}
