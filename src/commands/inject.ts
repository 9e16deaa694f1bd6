// `vipcast inject`: routes put into a running daemon by hand, by scripts, or as a stream. Owns how words, standard input and
// answers are joined; what may be said is inject/command.ts's. Contract: exit 0 when all was done, 1 when the daemon refused
// something or is not there, 2 on wrong usage; a stream is read no faster than it is answered.
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Command, parseWords } from "../inject/command.ts";
import { isAgreement, isRefusal } from "../inject/conversation.ts";
import { openStream } from "../observe/injectClient.ts";
import { DaemonUnreachable } from "../observe/statusSocket.ts";
import { say } from "./messages.ts";
import { type CommandResult, UsageError } from "./result.ts";

export interface InjectOptions {
  readonly socket: string;
  readonly json: boolean;
  /** Commands come from there; null: `words` are the one command. */
  readonly stdin: Readable | null;
  /** Takes what does not wait for the end. */
  readonly print: (text: string) => boolean;
  /** Settles when there is room for more. */
  readonly drained: () => Promise<void>;
}

/** @throws UsageError when the words make no command */
export async function inject(words: readonly string[], options: InjectOptions): Promise<CommandResult> {
  const { stdin } = options;
  if (stdin !== null && words.length > 0) throw new UsageError(say("stdinAndWords"));
  const command = stdin === null ? commandOf(words) : null;
  try {
    const socket = await openStream(options.socket, options.json);
    if (stdin !== null) return await stream(socket, stdin, options);
    socket.end(`${words.join(" ")}\n`);
    return command?.type === "list" && options.json ? await listJson(socket) : await whole(socket);
  } catch (error) {
    if (error instanceof DaemonUnreachable) return { output: "", error: error.message, exitCode: 1 };
    if (!isGone(error)) throw error;
    return { output: "", error: say("connectionClosed", { socket: options.socket }).message, exitCode: 1 };
  }
}

function commandOf(words: readonly string[]): Command {
  const parsed = parseWords(words);
  if (!parsed.ok) {
    const fault = parsed.hint === "" ? parsed.message : `${parsed.message}. ${parsed.hint}`;
    throw new UsageError(say("injectWords", { fault }));
  }
  const { type } = parsed.value;
  if (type === "begin" || type === "commit" || type === "abort") {
    throw new UsageError(say("streamOnly", { type }));
  }
  return parsed.value;
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");

/** The answer to one command; a refusal goes to standard error, without the number of the only line. */
async function whole(socket: Socket): Promise<CommandResult> {
  const out: string[] = [];
  const errors: string[] = [];
  for await (const line of createInterface({ input: socket })) (isRefusal(line) ? errors : out).push(line);
  const error = errors.map((e) => e.replace(/^error (line 1: )?/, "")).join("\n");
  if (error !== "") return { output: "", error, exitCode: 1 };
  if (out.length === 0) return { output: "", error: say("noAnswer").message, exitCode: 1 };
  // a list needs no word of agreement at its end
  const text = out.length > 1 || !out[0]?.startsWith("{") ? out.filter((line) => line !== "ok") : out;
  return { output: text.map((line) => `${line}\n`).join(""), exitCode: 0 };
}

/** `{"routes": [...]}` as one document, without ever being one text here. */
async function listJson(socket: Socket): Promise<CommandResult> {
  const routes: string[] = [];
  for await (const line of createInterface({ input: socket })) {
    if (isRefusal(line)) return { output: "", error: line, exitCode: 1 };
    if (!isAgreement(line)) routes.push(line);
  }
  return { output: `{"routes": [\n${routes.join(",\n")}\n]}\n`, exitCode: 0 };
}

/** Lines one way, answers the other, until standard input ends. */
async function stream(socket: Socket, stdin: Readable, { print, drained }: InjectOptions): Promise<CommandResult> {
  let refusals = 0;
  const answered = (async () => {
    let rest = "";
    socket.setEncoding("utf8");
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (isRefusal(line)) refusals++;
      if (!print(chunk)) await drained();
    }
  })();
  const sent = pipeline(stdin, socket).then(
    () => true,
    () => false,
  );
  await answered;
  const isComplete = await Promise.race([sent, Promise.resolve(false)]);
  if (isComplete) return { output: "", exitCode: refusals === 0 ? 0 : 1 };
  return { output: "", error: say("streamEnded").message, exitCode: 1 };
}
