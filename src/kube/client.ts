// Requests to the API server beside the watches: read, create, change, remove. Owns paths, bodies and limits of such requests.
// Knows nothing of sockets (exchange.ts is its door) nor of what objects mean. Contract: every call settles within REQUEST_LIMIT,
// rejecting with an ApiError; nothing is retried here: callers are level-triggered, and a conflict needs a new decision.
import type { Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { ApiError, localFailure } from "./apiError.ts";
import type { ExchangeRequest, Transport } from "./exchange.ts";
import { formatJson, parseObject } from "./json.ts";
import { type KubeResource, type ObjectPath, pathOf } from "./resources.ts";

/** A request that is not over by then is given up. */
export const REQUEST_LIMIT = Millis(15_000);
/** Octets of an answer; a page of PAGE objects fits many times. */
export const MAX_ANSWER = 32 * 1024 * 1024;
/** Objects asked for at a time by `list`. */
const PAGE = 500;
/** Pages of one `list`. */
const MAX_LIST_PAGES = 1_000;

/** What one may ask a list for. */
export interface ListOptions {
  /** null or absent: all namespaces. */
  readonly namespace?: string | null;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export type Patch =
  /** JSON merge patch (RFC 7386); `metadata.resourceVersion` in it makes the server refuse it when the object has changed. */
  | { readonly type: "merge"; readonly body: RawObject }
  /** Server-side apply. @param isForced take fields over from other managers */
  | { readonly type: "apply"; readonly body: RawObject; readonly fieldManager: string; readonly isForced: boolean };

/** The object must still be this one. */
export interface Preconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

type NamedPath = ObjectPath & { readonly name: string };

export class KubeClient {
  readonly transport: Transport;
  readonly #timers: Timers;
  readonly #limit: Millis;

  /** @param limit after which a request is given up; for those that are worth nothing later */
  constructor(transport: Transport, timers: Timers, limit = REQUEST_LIMIT) {
    this.transport = transport;
    this.#timers = timers;
    this.#limit = limit;
  }

  get(resource: KubeResource, path: NamedPath): Promise<RawObject> {
    return this.#request({ method: "GET", path: pathOf(resource, path) });
  }

  /** All pages. For what is followed there are watches; this is for the small rest. */
  async list(resource: KubeResource, options: ListOptions = {}): Promise<readonly RawObject[]> {
    const { namespace = null, labelSelector, fieldSelector } = options;
    const items: RawObject[] = [];
    let token = "";
    for (let page = 0; page < MAX_LIST_PAGES; page++) {
      const query = {
        limit: String(PAGE),
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(fieldSelector === undefined ? {} : { fieldSelector }),
        ...(token === "" ? {} : { continue: token }),
      };
      const answer = await this.#request({ method: "GET", path: pathOf(resource, { namespace }), query });
      if (Array.isArray(answer.items)) items.push(...answer.items.filter(isRawObject));
      const next = isRawObject(answer.metadata) ? answer.metadata.continue : undefined;
      if (typeof next !== "string" || next === "") return items;
      token = next;
    }
    throw new ApiError(
      localFailure("tooLarge", `the list of ${resource.plural} has more than ${MAX_LIST_PAGES} pages`),
    );
  }

  /** @param body its metadata may have `generateName` @returns the object as the server keeps it */
  create(resource: KubeResource, body: RawObject, path: ObjectPath = {}): Promise<RawObject> {
    return this.#request({ method: "POST", path: pathOf(resource, path), body: json(body) });
  }

  /** @param body with the `metadata.resourceVersion` it was made from: another one at the server is a conflict */
  update(resource: KubeResource, path: NamedPath, body: RawObject): Promise<RawObject> {
    return this.#request({ method: "PUT", path: pathOf(resource, path), body: json(body) });
  }

  patch(resource: KubeResource, path: NamedPath, patch: Patch): Promise<RawObject> {
    const target = { method: "PATCH", path: pathOf(resource, path) } as const;
    const text = formatJson(patch.body);
    if (patch.type === "merge")
      return this.#request({ ...target, body: { type: "application/merge-patch+json", text } });
    const query = { fieldManager: patch.fieldManager, force: String(patch.isForced) };
    // JSON is YAML, and a server before 1.32 takes no other type
    return this.#request({ ...target, query, body: { type: "application/apply-patch+yaml", text } });
  }

  async delete(resource: KubeResource, path: NamedPath, preconditions: Preconditions = {}): Promise<void> {
    const body = json({ kind: "DeleteOptions", apiVersion: "v1", preconditions });
    await this.#request({ method: "DELETE", path: pathOf(resource, path), body });
  }

  #request(request: ExchangeRequest): Promise<RawObject> {
    return new Promise((resolve, reject) => {
      const decoder = new TextDecoder();
      let text = "";
      let size = 0;
      const fail = (error: ApiError): void => {
        timer.cancel();
        exchange.abort();
        reject(error);
      };
      const timer = this.#timers.after(this.#limit, () =>
        fail(new ApiError(localFailure("timeout", `no answer within ${this.#limit / 1000} s`))),
      );
      const exchange = this.transport.exchange(request, {
        answered: () => {},
        data: (chunk) => {
          size += chunk.length;
          if (size > MAX_ANSWER)
            fail(new ApiError(localFailure("tooLarge", `the answer has more than ${MAX_ANSWER} octets`)));
          else text += decoder.decode(chunk, { stream: true });
        },
        ended: () => {
          timer.cancel();
          const object = parseObject(text + decoder.decode());
          if (object !== null) resolve(object);
          else reject(new ApiError(localFailure("broken", "the answer is no JSON object")));
        },
        failed: (failure) => {
          timer.cancel();
          reject(new ApiError(failure));
        },
      });
    });
  }
}

const json = (body: unknown): { readonly type: string; readonly text: string } => ({
  type: "application/json",
  text: formatJson(body),
});
