// SHELL. The commands' end of a stream of inject commands. Owns the handshake and the words for what can go wrong with it.
// Knows nothing of commands. Contract: the socket that is given is open both ways; its end is the end of the answers.
import { request } from "node:http";
import type { Socket } from "node:net";
import { STREAM_PROTOCOL } from "./injectStream.ts";
import { DaemonUnreachable, unreachableText } from "./statusSocket.ts";

/** Milliseconds in which the daemon takes the stream, or does not. */
const HANDSHAKE_LIMIT = 5000;

/** @param json answers are JSON @throws DaemonUnreachable (rejects) when there is no daemon, or it does not take the stream */
export function openStream(socketPath: string, json: boolean): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (text: string): void => reject(new DaemonUnreachable(`${socketPath}: ${text}`));
    const headers = { connection: "upgrade", upgrade: STREAM_PROTOCOL };
    const asked = request({ socketPath, path: json ? "/inject?json" : "/inject", headers, agent: false });
    asked.setTimeout(HANDSHAKE_LIMIT, () => asked.destroy(new Error("the daemon did not answer within 5 s")));
    asked.once("upgrade", (_response, socket: Socket, head: Buffer) => {
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asked.once("response", (response) => {
      response.resume();
      fail(REFUSALS[response.statusCode ?? 0] ?? `the daemon answered ${response.statusCode}`);
    });
    asked.once("error", (error: NodeJS.ErrnoException) => fail(unreachableText(error)));
    asked.end();
  });
}

const REFUSALS: Readonly<Record<number, string>> = {
  404: "what answers there takes no routes; is it an older vipcast?",
  503: "too many streams are open; end one of them",
};
