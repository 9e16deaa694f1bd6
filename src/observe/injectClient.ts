// SHELL. The commands' end of a stream of inject commands. Owns the handshake and the words for what can go wrong with it.
// Knows nothing of commands. Contract: the socket that is given is open both ways; its end is the end of the answers.
import { request } from "node:http";
import type { Socket } from "node:net";
import type { Said } from "../kernel/messages.ts";
import { STREAM_PROTOCOL } from "./injectStream.ts";
import { say } from "./messages.ts";
import { DaemonUnreachable, unreachable } from "./statusSocket.ts";

/** Milliseconds in which the daemon takes the stream, or does not. */
const HANDSHAKE_LIMIT = 5000;

/** @param json answers are JSON @throws DaemonUnreachable (rejects) when there is no daemon, or it does not take the stream */
export function openStream(socketPath: string, json: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (said: Said): void => reject(new DaemonUnreachable(said));
    const headers = { connection: "upgrade", upgrade: STREAM_PROTOCOL };
    const asked = request({ socketPath, path: json ? "/inject?json" : "/inject", headers, agent: false });
    asked.setTimeout(HANDSHAKE_LIMIT, () => {
      asked.destroy(new Error(say("daemonSilent", { seconds: HANDSHAKE_LIMIT / 1000 }).message));
    });
    asked.once("upgrade", (_response, socket: Socket, head: Buffer) => {
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asked.once("response", (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      fail(REFUSALS[status]?.(socketPath) ?? say("streamRefused", { socket: socketPath, status }));
    });
    asked.once("error", (error: NodeJS.ErrnoException) => fail(unreachable(socketPath, error)));
    asked.end();
  });
}

const REFUSALS: Readonly<Record<number, (socket: string) => Said>> = {
  404: (socket) => say("noStreams", { socket }),
  503: (socket) => say("manyStreams", { socket }),
};
