// argv -> command. The only file that calls process.exit and that prints what commands give back.
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { realClock } from "./app/realTime.ts";
import { ask, type Question } from "./commands/ask.ts";
import { check } from "./commands/check.ts";
import { clear } from "./commands/clear.ts";
import { controller } from "./commands/controller.ts";
import { decode } from "./commands/decode.ts";
import { drain, undrain } from "./commands/drain.ts";
import { inject } from "./commands/inject.ts";
import { plan } from "./commands/plan.ts";
import { type CommandResult, UsageError } from "./commands/result.ts";
import { shadow } from "./commands/shadow.ts";
import { SITE_ACTIONS, type SiteAction, site } from "./commands/site.ts";
import { REQUIRED, speaker } from "./commands/speaker.ts";
import { why } from "./commands/why.ts";
import { flagHelp, flagText } from "./config/configDoc.ts";
import { loadConfig } from "./config/load.ts";
import { METALLB_CONTROLLER_FLAGS, METALLB_FLAGS, type MetallbFlag, metallbFlagText } from "./config/metallbFlags.ts";
import type { ResolvedConfig } from "./config/resolve.ts";
import { CONFIG_KEYS, CONTROLLER_KEYS, type ConfigKey, SETTINGS, SPEAKER_KEYS } from "./config/schema.ts";
import { commandHelp } from "./inject/command.ts";
import { inClusterAccess, SERVICE_ACCOUNT } from "./kube/access.ts";

const USAGE_ERROR = 2;

const isColored = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

interface SiteFlags {
  readonly socket: string;
  readonly site?: string;
  readonly json?: boolean;
}

/**
 * Prints and leaves; in the callback, so that a pipe gets everything before the end. A reader that has seen enough is no failure; a full
 * disk is, or half an answer would pass for a whole one.
 */
function finish({ output, error, exitCode }: CommandResult): void {
  if (error !== undefined) process.stderr.write(`vipcast: ${error}\n`);
  process.stdout.write(output, (failed) => {
    if (failed == null || ("code" in failed && failed.code === "EPIPE")) process.exit(exitCode);
    process.stderr.write(`vipcast: cannot write the answer: ${failed.message}\n`, () => process.exit(exitCode || 1));
  });
}

type Flags = Readonly<Record<string, string | boolean | undefined>>;

interface CheckFlags {
  readonly node?: string;
  readonly json?: true;
  readonly namespace: string;
  readonly lbClass: string;
  readonly ignoreExcludeLb?: true;
  readonly allocate?: true;
}

interface InjectFlags {
  readonly socket: string;
  readonly stdin?: boolean;
  readonly json?: boolean;
}

interface WhyFlags extends CheckFlags {
  readonly peer?: string;
  readonly socket?: string;
  readonly manifests?: string[];
}

interface AskFlags {
  readonly socket: string;
  readonly json?: boolean;
  readonly peer?: string | null;
  readonly received?: boolean;
}

interface PlanFlags extends CheckFlags {
  readonly socket?: string;
  readonly against?: string;
}

interface DrainFlags {
  readonly socket: string;
  readonly json?: boolean;
  readonly wait?: boolean;
  readonly persist?: boolean;
  readonly drainTime?: string;
}

/** A command that runs a daemon: the settings it takes as flags, and those of MetalLB's program it stands in for. */
function daemonCommand(
  command: Command,
  keys: readonly ConfigKey[],
  metallbTable: readonly MetallbFlag[],
  run: (read: () => ResolvedConfig, env: NodeJS.ProcessEnv) => Promise<number>,
  required: readonly ConfigKey[] = [],
): void {
  for (const key of keys) command.option(flagText(key), flagHelp(key));
  for (const flag of metallbTable) command.addOption(new Option(metallbFlagText(flag)).hideHelp());
  command.option("--config <FILE>", "YAML file with the same settings").action(async (flags: Flags) => {
    const { config: file } = flags;
    const { env } = process;
    const sources = {
      flags: byKey(flags),
      env,
      file: typeof file === "string" ? file : undefined,
      metallb: Object.fromEntries(metallbTable.map(({ flag }) => [flag, flags[camel(flag)]])),
      metallbTable,
      ...(inClusterAccess(env) === null ? {} : { account: SERVICE_ACCOUNT }),
    };
    process.exit(await run(() => loadConfig(sources, required), env));
  });
}

function program(): Command {
  const vipcast = new Command("vipcast")
    .description("BGP speaker for LoadBalancer addresses, a drop-in for MetalLB's speaker in BGP mode")
    .version(VIPCAST_VERSION)
    .exitOverride();

  const about = "announce the addresses of Services to BGP peers";
  daemonCommand(vipcast.command("speaker").description(about), SPEAKER_KEYS, METALLB_FLAGS, speaker, REQUIRED);
  daemonCommand(
    vipcast.command("controller").description("give Services of type LoadBalancer their addresses, one per cluster"),
    CONTROLLER_KEYS,
    METALLB_CONTROLLER_FLAGS,
    controller,
  );

  vipcast
    .command("check")
    .description("tell what is wrong in manifests and what every node would announce to every peer")
    .argument("<PATH...>", "files or directories of manifests")
    .option("--node <NAME>", "answer for this node only; needed where the manifests have no Node object", notEmpty)
    .option("--json", "as JSON")
    .option("--namespace <NAME>", SETTINGS.namespace.help, SETTINGS.namespace.fallback)
    .option("--lb-class <CLASS>", SETTINGS.lbClass.help, "")
    .option("--ignore-exclude-lb", SETTINGS.ignoreExcludeLb.help)
    .option("--allocate", "give Services their addresses from the pools first, the eldest first")
    .action((paths: string[], flags: CheckFlags) => {
      const { node = null, json = false, namespace, lbClass, ignoreExcludeLb = false, allocate = false } = flags;
      finish(check(paths, { node, json, namespace, lbClass, ignoreExcludeLb, allocate, color: isColored }));
    });

  const questions: readonly (readonly [Question, string])[] = [
    ["status", "ask a running daemon how it is"],
    ["peers", "ask a running daemon for its sessions"],
    ["routes", "ask a running daemon what it announces to whom"],
  ];
  for (const [question, description] of questions) {
    const command = vipcast
      .command(question)
      .description(description)
      .requiredOption(flagText("socket"), "Unix socket of the daemon", process.env[SETTINGS.socket.env[0] ?? ""])
      .option("--json", "as JSON");
    if (question === "routes") {
      command.option("--peer <NAME>", "only this peer");
      command.option("--received", "what peers advertise to us, where they have vipcast.io/keep-received");
    }
    command.action(async ({ socket, json = false, peer = null, received = false }: AskFlags) => {
      finish(await ask(question, { socket, json, peer, received, color: isColored, wall: realClock.wall() }));
    });
  }

  vipcast
    .command("inject")
    .description("add, change and withdraw routes in a running daemon, beside what it decides")
    .argument("[WORDS...]", "a command and its options, see below")
    .requiredOption(flagText("socket"), "Unix socket of the daemon", process.env[SETTINGS.socket.env[0] ?? ""])
    .option("--stdin", "read commands from standard input, one per line, and answer each with a line")
    .option("--json", "answers as JSON, one object per line; of list: one document")
    .allowUnknownOption()
    .addHelpText("after", () => `\n${commandHelp()}`)
    .action(async (words: string[], { socket, stdin = false, json = false }: InjectFlags) => {
      const print = (text: string): boolean => process.stdout.write(text);
      const drained = (): Promise<void> => new Promise((resolve) => process.stdout.once("drain", resolve));
      finish(await inject(words, { socket, json, stdin: stdin ? process.stdin : null, print, drained }));
    });

  vipcast
    .command("why")
    .description("tell why a service is announced or not, to every peer of a node")
    .argument("<SERVICE>", "namespace/name, or a name in namespace default")
    .option("--node <NAME>", "answer for this node; another one than the daemon's own is computed", notEmpty)
    .option("--peer <NAME>", "only this peer, also where it does not select the node")
    .option("--json", "as JSON")
    .option(flagText("socket"), "Unix socket of the daemon", process.env[SETTINGS.socket.env[0] ?? ""])
    .option("--manifests <PATH...>", "decide from these files or directories, without a daemon")
    .option("--namespace <NAME>", SETTINGS.namespace.help, SETTINGS.namespace.fallback)
    .option("--lb-class <CLASS>", SETTINGS.lbClass.help, "")
    .option("--ignore-exclude-lb", SETTINGS.ignoreExcludeLb.help)
    .action(async (service: string, flags: WhyFlags) => {
      const { node = null, peer = null, json = false, socket = null, manifests = [], ...rest } = flags;
      const { namespace, lbClass, ignoreExcludeLb = false } = rest;
      const decide = { namespace, lbClass, ignoreExcludeLb };
      const text = { color: isColored, wall: realClock.wall() };
      finish(await why(service, { node, peer, json, socket, manifests, ...decide, ...text }));
    });

  vipcast
    .command("plan")
    .description("tell what manifests would change: routes, sessions, services (exit 0 nothing, 3 changes, 4 resets)")
    .argument("<PATH...>", "files or directories of the new manifests")
    .option(flagText("socket"), "Unix socket of the daemon", process.env[SETTINGS.socket.env[0] ?? ""])
    .option("--against <PATH>", "plan against these manifests, without a daemon")
    .option("--node <NAME>", "plan for this node", notEmpty)
    .option("--json", "as JSON")
    .option("--namespace <NAME>", SETTINGS.namespace.help, SETTINGS.namespace.fallback)
    .option("--lb-class <CLASS>", SETTINGS.lbClass.help, "")
    .option("--ignore-exclude-lb", SETTINGS.ignoreExcludeLb.help)
    .action(async (paths: string[], flags: PlanFlags) => {
      const { socket = null, against = null, node = null, json = false, ignoreExcludeLb = false, ...rest } = flags;
      finish(await plan(paths, { ...rest, socket, against, node, json, ignoreExcludeLb, color: isColored }));
    });

  vipcast
    .command("clear")
    .description("start a peer of a running daemon anew that is held down")
    .argument("<PEER>", "name of the BGPPeer")
    .requiredOption(flagText("socket"), "Unix socket of the daemon", process.env[SETTINGS.socket.env[0] ?? ""])
    .option("--json", "as JSON")
    .action(async (peer: string, { socket, json = false }: { socket: string; json?: boolean }) => {
      finish(await clear(peer, { socket, json }));
    });

  vipcast
    .command("shadow")
    .description("ask a daemon that runs with --shadow how what it would announce compares with what MetalLB reports")
    .requiredOption(flagText("socket"), "Unix socket of the daemon", process.env[SETTINGS.socket.env[0] ?? ""])
    .option("--json", "as JSON")
    .action(async ({ socket, json = false }: { socket: string; json?: boolean }) => {
      finish(await shadow({ socket, json, color: isColored, wall: realClock.wall() }));
    });

  vipcast
    .command("drain")
    .description("withdraw everything in good order while sessions stand (with --wait: exit 0 proven, 3 not proven)")
    .requiredOption(flagText("socket"), "Unix socket of the daemon", process.env[SETTINGS.socket.env[0] ?? ""])
    .option("--wait", "until it is done, and tell what is proven of each peer")
    .option("--persist", "stay drained over restarts of the daemon")
    .option(flagText("drainTime"), "how long routes stay marked; without it as the daemon is configured")
    .option("--json", "as JSON")
    .action(async ({ socket, json = false, wait = false, persist = false, drainTime }: DrainFlags) => {
      finish(await drain({ socket, json, wait, persist, drainTime }));
    });

  vipcast
    .command("undrain")
    .description("announce again what a drain has withdrawn")
    .requiredOption(flagText("socket"), "Unix socket of the daemon", process.env[SETTINGS.socket.env[0] ?? ""])
    .option("--json", "as JSON")
    .action(async ({ socket, json = false }: { socket: string; json?: boolean }) => {
      finish(await undrain({ socket, json }));
    });

  vipcast
    .command("site")
    .description(
      "ask a running daemon which site serves (status), or say that this one shall (promote) or shall not (demote)",
    )
    .addArgument(new Argument("<ACTION>", "what to do").choices(SITE_ACTIONS))
    .requiredOption(flagText("socket"), "Unix socket of the daemon", process.env[SETTINGS.socket.env[0] ?? ""])
    .option("--site <NAME>", "only this site or SitePolicy")
    .option("--json", "as JSON")
    .action(async (action: SiteAction, { socket, site: name, json = false }: SiteFlags) => {
      finish(await site(action, { socket, site: name ?? null, json, color: isColored, wall: realClock.wall() }));
    });

  vipcast
    .command("decode")
    .description("put BGP messages into words")
    .argument("<HEX...>", "octets of one or more messages, spaces and colons allowed")
    .action((hex: string[]) => finish(decode(hex.join(""))));
  return vipcast;
}

/** For names: "$NODE" of a script in which it is not set is a slip, and no node is called that. */
function notEmpty(text: string): string {
  if (text === "") throw new InvalidArgumentError("It is empty.");
  return text;
}

/** `node-name` as the option parser names it. */
const camel = (flag: string): string => flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** The option parser's names (`nodeName` for --node-name) are those of the settings but for the flags that differ. */
function byKey(flags: Flags): Partial<Record<ConfigKey, string | boolean | undefined>> {
  return Object.fromEntries(CONFIG_KEYS.map((key) => [key, flags[camel(SETTINGS[key].flag)]]));
}

async function run(): Promise<void> {
  try {
    await program().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : USAGE_ERROR);
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`vipcast: ${error.message}\n`);
    process.exit(USAGE_ERROR);
  }
}

void run();
