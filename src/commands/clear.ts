// `vipcast clear PEER`: start a peer of a running daemon anew that is held down after an error or a passed limit.
import { askDaemon, BadQuestion, DaemonUnreachable } from "../observe/statusSocket.ts";
import { say } from "./messages.ts";
import { type CommandResult, UsageError } from "./result.ts";

export interface ClearOptions {
  readonly socket: string;
  readonly json: boolean;
}

/** @throws UsageError (rejects) when there is no such peer */
export async function clear(peer: string, { socket, json }: ClearOptions): Promise<CommandResult> {
  try {
    const path = `/clear?peer=${encodeURIComponent(peer)}`;
    const answer = (await askDaemon(socket, path, { method: "POST" })) as Cleared;
    const held = answer.held === null ? "it was not held" : `it was held: ${answer.held}`;
    const text = `${answer.peer} is started anew (${held}); it is ${answer.state} now`;
    return { output: json ? `${JSON.stringify(answer, null, 2)}\n` : `${text}\n`, exitCode: 0 };
  } catch (error) {
    if (error instanceof BadQuestion) throw new UsageError(say("refusedQuestion", { answer: error.message }));
    if (!(error instanceof DaemonUnreachable)) throw error;
    return { output: "", error: error.message, exitCode: 1 };
  }
}

interface Cleared {
  readonly peer: string;
  /** Why no attempt was made; null: nothing was waited for. */
  readonly held: string | null;
  readonly state: string;
}
