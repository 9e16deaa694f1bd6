// The words between the watch core and whoever performs what it says: events in, actions out, and what an observer may see.
// Types only.
import type { Millis } from "../kernel/units.ts";
import type { RawObject } from "../sources/fields.ts";
import type { ApiFailure } from "./apiError.ts";

/** Query of a request for the list or the watch. */
export type WatchQuery = Readonly<Record<string, string>>;

export type WatchEvent =
  /** Begin, or forget the resource version and list anew (SIGHUP). */
  | { readonly type: "list" }
  /** Items of the page under way. */
  | { readonly type: "items"; readonly items: readonly RawObject[] }
  /** The page is complete. */
  | { readonly type: "page"; readonly resourceVersion: string; readonly continueToken: string | null }
  /** The watch was answered and follows changes from here on. */
  | { readonly type: "opened" }
  /** One line of the watch. */
  | { readonly type: "line"; readonly text: string }
  /** Octets came that are not yet any of the above. */
  | { readonly type: "progress" }
  /** The server ended the watch, in good order. */
  | { readonly type: "closed" }
  /** The request under way has no good answer, or broke. */
  | { readonly type: "failed"; readonly failure: ApiFailure }
  /** The deadline has passed. */
  | { readonly type: "tick" };

export type WatchAction =
  | { readonly type: "request"; readonly verb: "list" | "watch"; readonly query: WatchQuery }
  /** Ends the request under way; nothing of it may be reported afterwards. */
  | { readonly type: "abort" }
  | { readonly type: "put"; readonly key: string; readonly object: RawObject }
  | { readonly type: "delete"; readonly key: string }
  /** Once: everything there is has been put, or is known to be out of reach (see `WatchCoreOptions.ifForbidden`). */
  | { readonly type: "listed" }
  /** `view().fault` is another one. */
  | { readonly type: "faultChanged" };

/** What keeps us from following the resource. */
export interface WatchFault {
  readonly verb: "list" | "watch";
  /** `forbidden`: no permission; `absent`: the server has no such kind; `trouble`: anything that may pass. */
  readonly kind: "forbidden" | "absent" | "trouble";
  readonly failure: ApiFailure;
  /** Since when it has been so, monotonic milliseconds. */
  readonly since: Millis;
}

export type WatchPhase = "stopped" | "listing" | "opening" | "watching" | "waiting";

export interface WatchView {
  readonly phase: WatchPhase;
  /** Objects the server is known to have. */
  readonly objects: number;
  /** Of the last list, event or bookmark; null: none yet. */
  readonly heardAt: Millis | null;
  /** Watches that were opened after the first one. */
  readonly restarts: number;
  readonly lists: number;
  /** By HTTP status, or the reason where no answer came. */
  readonly errors: ReadonlyMap<string, number>;
  readonly fault: WatchFault | null;
}
