// SHELL. The status of a running daemon over a Unix socket, and the client side of it for the commands. Owns the socket
// file: mode 0600 from its first moment, replaced when its daemon is dead, never taken from a live one, removed on stop.
// Knows nothing of what the pages say. Contract: boundedServer.ts's limits; every failure names the cure.
import { existsSync, lstatSync, unlinkSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { Said } from "../kernel/messages.ts";
import {
  createBoundedServer,
  jsonPage,
  ListenError,
  listening,
  type Page,
  type PageMaker,
  type PageRequest,
  stopServer,
  streamPage,
  textPage,
} from "./boundedServer.ts";
import { type StreamHost, serveStreams } from "./injectStream.ts";
import { say } from "./messages.ts";

/** Each gives the document of one path; called once per request. */
export interface StatusPages {
  /** May be a promise, as `peers`. */
  readonly status: () => unknown;
  readonly peers: () => unknown;
  /** The document in pieces. @param peer only this one; null: all */
  readonly routes: (peer: string | null) => AsyncIterable<string>;
  /** The same of what peers have advertised; absent: not answered here. */
  readonly received?: (peer: string | null) => AsyncIterable<string>;
  /** Takes inject commands; absent: there is no such thing here. */
  readonly inject?: StreamHost;
  /** May be a promise; absent: not answered here. */
  readonly why?: (question: WhyQuestion) => Answer | Promise<Answer>;
  /** Ends the back-off of a peer, or says why that cannot be. */
  readonly clear?: (peer: string) => Answer;
  /** How far the node has drained. */
  readonly drain?: () => unknown;
  /** Begins a drain, or says why that cannot be. */
  readonly beginDrain?: (question: DrainQuestion) => Promise<Answer>;
  /** Ends the drain that a command or a stop began, or says why that cannot be. */
  readonly endDrain?: () => Promise<Answer>;
  /** What is decided for a node, to plan against. @param node null: the daemon's own */
  readonly planBase?: (node: string | null) => Promise<StreamAnswer>;
  /** How what would be announced compares with what MetalLB reports; absent: the daemon is no shadow. */
  readonly shadow?: () => unknown;
  /** What is known of other sites, or an operator's word about who serves. @param site null: every SitePolicy of the node */
  readonly site?: (action: "status" | "promote" | "demote", site: string | null) => Promise<StreamAnswer>;
}

export interface DrainQuestion {
  /** A duration such as `5s`: how long routes stay marked; null: as configured. */
  readonly time: string | null;
  /** Stay drained over restarts. */
  readonly persist: boolean;
}

export interface WhyQuestion {
  /** `namespace/name` or `name`. */
  readonly service: string;
  /** null: the daemon's own. */
  readonly node: string | null;
  /** null: every peer of the node. */
  readonly peer: string | null;
}

/** A document, or what was wrong with the question. */
export type Answer = { readonly ok: true; readonly document: unknown } | ({ readonly ok: false } & Said);

/** The same with the document in pieces. */
export type StreamAnswer =
  | { readonly ok: true; readonly pieces: AsyncIterable<string> }
  | ({ readonly ok: false } & Said);

export interface StatusSocket {
  stop(): Promise<void>;
}

/** Octets of a path in `sockaddr_un`, without the closing zero; a longer one would be cut silently. */
const MAX_PATH = 107;
/** Milliseconds in which a daemon answers, or does not. */
const ANSWER_LIMIT = 5000;

/** @param onDefect told what a page threw @throws ListenError (rejects) with a message that names flag and cure */
export async function startStatusSocket(
  path: string,
  pages: StatusPages,
  onDefect: (error: unknown) => void,
): Promise<StatusSocket> {
  if (Buffer.byteLength(path) > MAX_PATH) {
    const said = say("socketPathLong", { place: placeOf(path), max: MAX_PATH });
    throw new ListenError(said, "ENAMETOOLONG", null);
  }
  await clearStale(path);
  const byPath = new Map<string, PageMaker>([
    ["/status", async () => jsonPage(await pages.status())],
    ["/peers", async () => jsonPage(await pages.peers())],
    ["/routes", ({ query }) => streamPage(pages.routes(query.get("peer")))],
  ]);
  const { inject } = pages;
  if (inject !== undefined) byPath.set("POST /inject", (request) => injectPage(request, inject));
  const { why, clear, planBase, received, site } = pages;
  if (site !== undefined) {
    byPath.set("/site", async ({ query }) => streamAnswerPage(await site("status", query.get("site"))));
    for (const action of ["promote", "demote"] as const) {
      byPath.set(`POST /site/${action}`, async ({ query }) => {
        return streamAnswerPage(await site(action, query.get("site")));
      });
    }
  }
  if (received !== undefined) byPath.set("/received", ({ query }) => streamPage(received(query.get("peer"))));
  if (planBase !== undefined) {
    byPath.set("/plan-base", async ({ query }) => streamAnswerPage(await planBase(query.get("node"))));
  }
  if (why !== undefined) {
    byPath.set("/why", async ({ query }) => {
      const [service, node, peer] = [query.get("service") ?? "", query.get("node"), query.get("peer")];
      return answerPage(await why({ service, node, peer }));
    });
  }
  const { shadow } = pages;
  byPath.set("/shadow", () =>
    shadow === undefined ? textPage(BAD_QUESTION, say("noShadow").message) : jsonPage(shadow()),
  );
  if (clear !== undefined) byPath.set("POST /clear", ({ query }) => answerPage(clear(query.get("peer") ?? "")));
  const { drain, beginDrain, endDrain } = pages;
  if (drain !== undefined) byPath.set("/drain", () => jsonPage(drain()));
  if (beginDrain !== undefined) {
    byPath.set("POST /drain", async ({ query }) => {
      return answerPage(await beginDrain({ time: query.get("time"), persist: query.has("persist") }));
    });
  }
  if (endDrain !== undefined) byPath.set("POST /undrain", async () => answerPage(await endDrain()));
  const server = createBoundedServer(byPath, onDefect);
  const endStreams = inject === undefined ? () => {} : serveStreams(server, inject, onDefect);
  await listening(
    server,
    () => {
      // the file is born inside this call, so no moment exists in which others could open it
      const before = process.umask(0o177);
      try {
        server.listen(path);
      } finally {
        process.umask(before);
      }
    },
    (given, error) => {
      // libuv reports a missing directory as EACCES
      const code = given === "EACCES" && !existsSync(dirname(path)) ? "ENOENT" : given;
      const place = placeOf(path);
      return REFUSALS[code]?.(place) ?? say("listenFailed", { place, error: error.message });
    },
  );
  return {
    stop: () => {
      endStreams();
      return stopServer(server);
    },
  };
}

/** All lines of the body or none: 200 when it is done, 422 when it is not. */
async function injectPage({ query, body }: PageRequest, host: StreamHost): Promise<Page> {
  const conversation = host.converse(query.has("json"));
  const { answer, ok } = conversation.hearAll(body);
  host.flush();
  const failure = conversation.changesKept ? await host.saved() : null;
  const contentType = query.has("json") ? "application/x-ndjson" : "text/plain; charset=utf-8";
  if (failure !== null) return textPage(500, failure);
  return { status: ok ? 200 : 422, contentType, body: answer };
}

const answerPage = (answer: Answer): Page =>
  answer.ok ? jsonPage(answer.document) : textPage(BAD_QUESTION, answer.message);

const streamAnswerPage = (answer: StreamAnswer): Page =>
  answer.ok ? streamPage(answer.pieces) : textPage(BAD_QUESTION, answer.message);

/** HTTP status of a question that names something that is not there. */
const BAD_QUESTION = 422;

/** Where one cannot listen, for messages. */
const placeOf = (path: string): string => `--socket ${path}`;

const REFUSALS: Readonly<Record<string, (place: string) => Said>> = {
  EADDRINUSE: (place) => say("socketTaken", { place }),
  EACCES: (place) => say("socketForbidden", { place, code: "EACCES" }),
  EPERM: (place) => say("socketForbidden", { place, code: "EPERM" }),
  ENOENT: (place) => say("socketNoDirectory", { place }),
  EROFS: (place) => say("socketReadOnly", { place }),
};

/** A socket file whose daemon died without removing it goes; anything else there stays and is an error. */
async function clearStale(path: string): Promise<void> {
  try {
    if (!lstatSync(path).isSocket()) {
      throw new ListenError(say("socketNotSocket", { place: placeOf(path) }), "EEXIST", null);
    }
  } catch (error) {
    if (error instanceof ListenError) throw error;
    return; // nothing there, or not for us to see: `listen` will say what is wrong
  }
  const outcome = await probe(path);
  if (outcome === "refused") unlinkSync(path);
  else if (outcome !== "gone") {
    throw new ListenError(say("socketAnswered", { place: placeOf(path) }), "EADDRINUSE", null);
  }
}

/** Whether somebody listens. In doubt (no permission, no answer) somebody does. */
function probe(path: string): Promise<"alive" | "refused" | "gone"> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (outcome: "alive" | "refused" | "gone"): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(ANSWER_LIMIT, () => end("alive"));
    socket.once("connect", () => end("alive"));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      end(error.code === "ECONNREFUSED" ? "refused" : error.code === "ENOENT" ? "gone" : "alive");
    });
  });
}

/** A running daemon could not be asked; `message` is for the operator. */
export class DaemonUnreachable extends Error {
  override readonly name = "DaemonUnreachable";

  constructor({ message }: Said) {
    super(message);
  }
}

/** The daemon answers, but not that question; `message` is its own, for the operator: that of an `Answer`. */
export class BadQuestion extends Error {
  override readonly name = "BadQuestion";
}

export interface AskOptions {
  /** Longest silence of the daemon, milliseconds. */
  readonly limitMs?: number;
  /** Absent: GET. */
  readonly method?: "GET" | "POST";
}

/**
 * Asks the daemon at the socket for a page, e.g. `/peers`.
 * @throws DaemonUnreachable (rejects) when there is none, it may not be asked, it does not answer, or answers nonsense
 * @throws BadQuestion (rejects) when it says what is wrong with the question
 */
export function askDaemon(socket: string, path: string, options: AskOptions = {}): Promise<unknown> {
  const { limitMs = ANSWER_LIMIT, method = "GET" } = options;
  return new Promise((resolve, reject) => {
    const fail = (said: Said): void => reject(new DaemonUnreachable(said));
    const asked = request({ socketPath: socket, path, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", (error) => fail(say("brokenAnswer", { socket, error: error.message })));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode === BAD_QUESTION) {
          reject(new BadQuestion(text.trim()));
          return;
        }
        if (response.statusCode !== 200) {
          const status = response.statusCode ?? 0;
          fail(say("strangeStatus", { socket, status, path, answer: text.trim().slice(0, 200) }));
          return;
        }
        try {
          resolve(JSON.parse(text));
        } catch {
          fail(say("notVipcast", { socket, path }));
        }
      });
    });
    asked.setTimeout(limitMs, () => {
      asked.destroy(new Error(say("daemonSilent", { seconds: limitMs / 1000 }).message));
    });
    asked.once("error", (error: NodeJS.ErrnoException) => fail(unreachable(socket, error)));
    asked.end();
  });
}

/** Why a daemon could not be reached, and what to do about it. */
export const unreachable = (socket: string, error: NodeJS.ErrnoException): Said =>
  UNREACHABLE[error.code ?? ""]?.(socket) ?? say("askFailed", { socket, error: error.message });

const UNREACHABLE: Readonly<Record<string, (socket: string) => Said>> = {
  ENOENT: (socket) => say("noDaemon", { socket }),
  ECONNREFUSED: (socket) => say("daemonGone", { socket }),
  EACCES: (socket) => say("socketNotYours", { socket }),
  ENOTSOCK: (socket) => say("notSocket", { socket }),
  ECONNRESET: (socket) => say("daemonClosed", { socket }),
};
