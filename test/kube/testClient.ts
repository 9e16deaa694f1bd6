// A plain client for the tests of the server: one request, one answer; a watch as a stream of events. Owns nothing but HTTP.
// Knows nothing of the server but its address, so that it can also be pointed at a real one. Contract: errors of the
// connection throw, answers never do.
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { isObject, type Json, type JsonObject, object } from "./objects.ts";

export interface Endpoint {
  readonly url: string;
  readonly ca?: string;
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Answer {
  readonly code: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: JsonObject;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

const MERGE = "application/merge-patch+json";

export class TestClient {
  readonly #endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  get(path: string): Promise<Answer> {
    return this.send("GET", path);
  }

  create(path: string, body: Json): Promise<Answer> {
    return this.send("POST", path, body);
  }

  update(path: string, body: Json): Promise<Answer> {
    return this.send("PUT", path, body);
  }

  patch(path: string, body: Json, contentType = MERGE): Promise<Answer> {
    return this.send("PATCH", path, body, contentType);
  }

  delete(path: string): Promise<Answer> {
    return this.send("DELETE", path);
  }

  async send(method: string, path: string, body?: Json, contentType = "application/json"): Promise<Answer> {
    const response = await this.open(method, path, body === undefined ? undefined : JSON.stringify(body), contentType);
    let whole = "";
    response.setEncoding("utf8");
    for await (const chunk of response) whole += chunk;
    const read = JSON.parse(whole) as Json;
    return { code: response.statusCode ?? 0, headers: response.headers, body: isObject(read) ? read : { text: read } };
  }

  /** The answer, once its head is there. @throws the connection's error */
  open(method: string, path: string, body?: string, contentType = "application/json"): Promise<IncomingMessage> {
    const { url, ca, token, cert, key } = this.#endpoint;
    const options: RequestOptions & { ca?: string; cert?: string; key?: string } = {
      method,
      agent: false,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": contentType }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    };
    const send = url.startsWith("https:") ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(url + path, options, resolve);
      request.once("error", reject);
      request.end(body);
    });
  }

  /** @returns null: refused, with the answer in `refused` */
  async watch(path: string): Promise<WatchStream> {
    const response = await this.open("GET", path);
    return new WatchStream(response);
  }
}

/** The events of one watch, taken one after the other. */
export class WatchStream {
  readonly code: number;
  readonly #response: IncomingMessage;
  readonly #lines: AsyncGenerator<WatchEvent>;

  constructor(response: IncomingMessage) {
    this.code = response.statusCode ?? 0;
    this.#response = response;
    this.#lines = events(response);
  }

  /** The next event; null once the server has ended the watch. @throws the connection's error */
  async next(): Promise<WatchEvent | null> {
    const { value, done } = await this.#lines.next();
    return done === true ? null : value;
  }

  async take(count: number): Promise<readonly WatchEvent[]> {
    const taken: WatchEvent[] = [];
    while (taken.length < count) {
      const event = await this.next();
      if (event === null) break;
      taken.push(event);
    }
    return taken;
  }

  close(): void {
    this.#response.destroy();
  }
}

async function* events(response: IncomingMessage): AsyncGenerator<WatchEvent> {
  let rest = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { type, object: body } = object(JSON.parse(line) as Json);
      yield { type: String(type), object: object(body) };
    }
  }
}
