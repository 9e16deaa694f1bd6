// Commands and long-running programs of a lab host. Owns how they are started, bounded and ended. Knows nothing of
// namespaces: it is handed a ready command line (see lab.ts).
// Contract: output of a long-running program goes to a file, never to memory; output of a command is cut at a limit;
// every wait has an end; a signal is sent through the child handle only, so never to a reused pid.
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { basename } from "node:path";

export type Environment = Readonly<Record<string, string>>;

export interface ExecOptions {
  /** Milliseconds until the command is killed; default 20,000. */
  readonly timeoutMs?: number;
  readonly env?: Environment;
  /** Written to stdin. */
  readonly input?: string;
  /** Octets of stdout or stderr at which the command is killed; default 64 MiB. */
  readonly maxOutput?: number;
}

export interface SpawnOptions {
  readonly env?: Environment;
  /** Name in messages and of the log file; default: name of the program. */
  readonly name?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How a program ended after it was asked to. */
export interface Stopped extends Exit {
  /** Milliseconds from the signal to the end. */
  readonly ms: number;
  /** It did not react in time and was ended by SIGKILL. */
  readonly forced: boolean;
}

/** A command that failed: exit code not 0, killed by a signal, out of time or too loud. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly stdout: string;
  readonly stderr: string;
  constructor(message: string, stdout: string, stderr: string, cause: unknown) {
    super(message, { cause });
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

const DEFAULT_TIMEOUT_MS = 20_000;
const DEFAULT_MAX_OUTPUT = 64 << 20;
const LOG_WINDOW = 4 << 20;

/** @returns stdout. @throws CommandError */
export function run(command: readonly string[], env: Environment, options: ExecOptions = {}): Promise<string> {
  const [file = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, limits(env, options), (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(commandError(command, error, stdout, stderr));
    });
    child.stdin?.on("error", () => {}); // a command may end without reading what it was given
    child.stdin?.end(options.input ?? "");
  });
}

/** As `run`, blocking. @throws CommandError */
export function runSync(command: readonly string[], env: Environment, options: ExecOptions = {}): string {
  const [file = "", ...args] = command;
  try {
    return execFileSync(file, args, { ...limits(env, options), input: options.input ?? "", stdio: "pipe" });
  } catch (error) {
    const output = error as { readonly stdout?: unknown; readonly stderr?: unknown };
    throw commandError(command, error, String(output.stdout ?? ""), String(output.stderr ?? ""));
  }
}

function limits(env: Environment, options: ExecOptions) {
  return {
    env: { ...env, ...options.env },
    encoding: "utf8",
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    killSignal: "SIGKILL",
    maxBuffer: options.maxOutput ?? DEFAULT_MAX_OUTPUT,
  } as const;
}

function commandError(command: readonly string[], cause: unknown, stdout: string, stderr: string): CommandError {
  const { code, signal } = cause as { readonly code?: unknown; readonly signal?: unknown };
  const said = (stderr.trim() || stdout.trim()).slice(-1_000);
  const how = signal == null ? `code ${String(code)}` : `signal ${String(signal)} (out of time or output too long)`;
  return new CommandError(`${command.join(" ")}: ${how}: ${said}`, stdout, stderr, cause);
}

/** A program that runs until it is stopped. Its stdout and stderr are in `logFile`. */
export class LabProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the program has ended; never rejects. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;

  constructor(command: readonly string[], env: Environment, logFile: string, options: SpawnOptions = {}) {
    const [file = "", ...args] = command;
    this.name = options.name ?? basename(file);
    this.logFile = logFile;
    const log = openSync(logFile, "a");
    try {
      // a session of its own: Ctrl-C at the terminal is for the owner, who decides in which order things end
      this.#child = spawn(file, args, {
        env: { ...env, ...options.env },
        stdio: ["ignore", log, log],
        detached: true,
      });
    } finally {
      closeSync(log);
    }
    this.pid = this.#child.pid ?? 0;
    this.exited = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => resolve({ code, signal }));
      this.#child.once("error", () => resolve({ code: 127, signal: null }));
    });
  }

  get running(): boolean {
    return this.pid !== 0 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @returns false when the program had already ended */
  signal(signal: NodeJS.Signals): boolean {
    return this.running && this.#child.kill(signal);
  }

  /** Sends the signal, waits at most `timeoutMs`, then SIGKILL. Harmless when the program has already ended. */
  async stop(signal: NodeJS.Signals = "SIGTERM", timeoutMs = 5_000): Promise<Stopped> {
    const since = performance.now();
    let forced = false;
    const timer = setTimeout(() => {
      forced = this.signal("SIGKILL");
    }, timeoutMs);
    this.signal(signal);
    const exit = await this.exited;
    clearTimeout(timer);
    return { ...exit, ms: performance.now() - since, forced };
  }

  /** The last `maxBytes` octets of what the program printed, at most 4 MiB. */
  output(maxBytes = LOG_WINDOW): string {
    return tail(this.logFile, Math.min(maxBytes, LOG_WINDOW));
  }

  /** The last lines of what the program printed. */
  logTail(lines = 20): string {
    return this.output(32 << 10)
      .trimEnd()
      .split("\n")
      .slice(-lines)
      .join("\n");
  }
}

/** The last `maxBytes` octets of a file as text; empty when there is no such file. */
function tail(path: string, maxBytes: number): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(Math.min(size, maxBytes));
    return buffer.toString("utf8", 0, readSync(file, buffer, 0, buffer.length, size - buffer.length));
  } finally {
    closeSync(file);
  }
}
