// SHELL. Streams of inject commands over the status socket: an HTTP connection that was upgraded, lines one way, answers the
// other. Owns reading, writing and their back-pressure. Knows nothing of what a line says. Contract: at most one chunk of input
// and the answers to it are in memory per stream; who does not read its answers is not read from; each turn of the event loop
// gives one chunk, or one slice of work, to a stream.
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Conversation, MAX_LINE_OCTETS, type Work } from "../inject/conversation.ts";
import { isGone, targetOf } from "./boundedServer.ts";

/** Streams at a time; each may hold a batch. */
export const MAX_STREAMS = 16;
/** The name of the protocol in the Upgrade header. */
export const STREAM_PROTOCOL = "vipcast-inject";

export interface StreamHost {
  /** @param json answers are JSON */
  converse(json: boolean): Conversation;
  /** What was changed goes out. Called after each chunk. */
  flush(): void;
  /** Settles when all that is to be kept is on disk. @returns what went wrong, for people; null: nothing */
  saved(): Promise<string | null>;
}

/** Serves streams at `/inject`. @returns ends them all */
export function serveStreams(server: Server, host: StreamHost, onDefect: (error: unknown) => void): () => void {
  const open = new Set<Duplex>();
  server.on(
    "upgrade",
    (request: IncomingMessage, socket: Duplex & { setTimeout?: (ms: number) => void }, head: Buffer) => {
      socket.on("error", () => socket.destroy());
      const { path, query } = targetOf(request);
      const refusal =
        path !== "/inject" || request.headers.upgrade !== STREAM_PROTOCOL
          ? "404 Not Found"
          : open.size >= MAX_STREAMS
            ? "503 Service Unavailable"
            : null;
      if (refusal !== null) {
        const answer = `HTTP/1.1 ${refusal}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
        // the server knows this connection no more, so that nobody else would end it when the client does not
        socket.end(answer, () => socket.destroy());
        return;
      }
      open.add(socket);
      socket.on("close", () => open.delete(socket));
      socket.setTimeout?.(0); // a script may be silent for days
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${STREAM_PROTOCOL}\r\n\r\n`);
      if (head.length > 0) socket.unshift(head);
      serve(socket, host, query.has("json")).catch((error: unknown) => {
        socket.destroy();
        if (!isGone(error)) onDefect(error);
      });
    },
  );
  return () => {
    for (const socket of open) socket.destroy();
  };
}

async function serve(socket: Duplex, host: StreamHost, json: boolean): Promise<void> {
  const conversation = host.converse(json);
  const lines = new Lines();
  let answers: string[] = [];
  const send = async (): Promise<void> => {
    host.flush();
    const text = answers.join("");
    answers = [];
    await write(socket, text);
    await nextTurn();
  };
  const take = async (work: Work): Promise<void> => {
    for (let part = work.step(); part !== null; part = work.step()) {
      answers.push(part);
      await send();
    }
  };
  /** @returns what is to be waited for: a million lines have nothing of the kind, and no turn each */
  const hear = (line: string | null): Promise<void> | undefined => {
    const answer = line === null ? conversation.overlong() : conversation.hear(line);
    if (typeof answer !== "string") return take(answer);
    answers.push(answer);
    return undefined;
  };
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    for (const line of lines.push(chunk)) {
      const work = hear(line);
      if (work !== undefined) await work;
    }
    await send();
  }
  await hear(lines.rest());
  answers.push(conversation.end());
  await send();
  const failure = conversation.changesKept ? await host.saved() : null;
  socket.end(failure === null ? "" : failureLine(failure, json));
}

const failureLine = (message: string, json: boolean): string =>
  json ? `${JSON.stringify({ ok: false, line: null, message, hint: "" })}\n` : `error ${message}\n`;

/** Settles when there is room for more. @throws Error (rejects) when the other end is gone */
function write(socket: Duplex, text: string): Promise<void> | undefined {
  if (text === "" || socket.write(text)) return undefined;
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => {
      socket.off("drain", done);
      socket.off("close", gone);
      if (error == null) resolve();
      else reject(error);
    };
    const gone = (): void => done(Object.assign(new Error("closed"), { code: "ECONNRESET" }));
    socket.once("drain", done);
    socket.once("close", gone);
  });
}

/** Cuts what arrives into lines. */
class Lines {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  /** Of a line that is too long, until its end is found. */
  #isOverlong = false;

  /** Whole lines; null for one that was too long. */
  *push(chunk: Buffer): Generator<string | null> {
    const pieces = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = pieces.pop() ?? "";
    for (const piece of pieces) {
      yield this.#isOverlong ? null : piece;
      this.#isOverlong = false;
    }
    if (this.#rest.length <= MAX_LINE_OCTETS) return;
    this.#rest = "";
    this.#isOverlong = true;
  }

  /** What came after the last newline; null: the end of a line that was too long. */
  rest(): string | null {
    return this.#isOverlong ? null : this.#rest;
  }
}
