// `vipcast status`, `peers`, `routes`: ask a running daemon over its Unix socket and print what it says, as JSON or for people.
import { nameHint } from "../kernel/suggest.ts";
import type { ReceivedTables } from "../observe/routesStream.ts";
import type { DaemonStatus, PeersStatus, RoutesStatus } from "../observe/status.ts";
import { askDaemon, DaemonUnreachable } from "../observe/statusSocket.ts";
import { renderPeers, renderReceived, renderRoutes, renderStatus, type TextOptions } from "../observe/statusText.ts";
import { say } from "./messages.ts";
import { type CommandResult, UsageError } from "./result.ts";

export interface AskOptions extends TextOptions {
  readonly socket: string;
  readonly json: boolean;
  /** Only this peer; null: all. Of `routes` alone. */
  readonly peer?: string | null;
  /** What peers have advertised to us instead; of `routes` alone. */
  readonly received?: boolean;
}

export type Question = "status" | "peers" | "routes";

/**
 * @returns exit code 1 with a message when there is no daemon that answers
 * @throws UsageError (rejects) when no peer of the node has the name
 */
export async function ask(question: Question, options: AskOptions): Promise<CommandResult> {
  const { peer = null } = options;
  const query = peer === null ? "" : `?peer=${encodeURIComponent(peer)}`;
  try {
    if (peer !== null) await checkPeer(options.socket, peer);
    const answer = await askDaemon(options.socket, `/${options.received === true ? "received" : question}${query}`);
    return {
      output: options.json ? `${JSON.stringify(answer, null, 2)}\n` : render(question, answer, options),
      exitCode: 0,
    };
  } catch (error) {
    if (!(error instanceof DaemonUnreachable)) throw error;
    return { output: "", error: error.message, exitCode: 1 };
  }
}

/** An empty table would look like a peer that gets nothing. */
async function checkPeer(socket: string, peer: string): Promise<void> {
  const { peers } = (await askDaemon(socket, "/peers")) as PeersStatus;
  const names = peers.map(({ name }) => name);
  if (names.includes(peer)) return;
  throw new UsageError(say("peerNotHere", { peer, known: nameHint(peer, names, "other") }));
}

function render(question: Question, answer: unknown, options: AskOptions): string {
  // the daemon is of the same version as this command; its documents are typed where it makes them
  switch (question) {
    case "status":
      return renderStatus(answer as DaemonStatus, options);
    case "peers":
      return renderPeers(answer as PeersStatus, options);
    case "routes":
      if (options.received === true) return renderReceived(answer as ReceivedTables, options);
      return renderRoutes(answer as RoutesStatus, options);
  }
}
