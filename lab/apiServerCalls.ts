// The words between the API server program and its owner: calls, answers, options. Types only.
import type { ApiServerOptions } from "../test/kube/apiServer.ts";
import type { Fault, FaultTarget } from "../test/kube/faults.ts";
import type { Json } from "../test/kube/objects.ts";
import type { RequestFilter } from "../test/kube/requestLog.ts";

export interface ServerProgramOptions extends ApiServerOptions {
  /** Path of the Unix socket. */
  readonly control: string;
}

/** As the methods of `ApiServer`; a fault is named by the number that arming it gave. */
export type ServerCall =
  | { readonly call: "url" | "compact" | "cut" | "listen" | "stop" }
  | { readonly call: "apply"; readonly objects: readonly Json[] }
  | { readonly call: "delete"; readonly kind: string; readonly namespace: string; readonly name: string }
  | { readonly call: "list"; readonly kind: string }
  | { readonly call: "fault"; readonly fault: Fault; readonly target: FaultTarget; readonly times: number }
  | { readonly call: "forbid"; readonly target: FaultTarget }
  | { readonly call: "hits" | "disarm"; readonly fault: number }
  | { readonly call: "closeWatches"; readonly resource?: string; readonly how: "end" | "gone" }
  | { readonly call: "stall"; readonly resource?: string }
  | { readonly call: "watches"; readonly resource: string }
  | { readonly call: "requests"; readonly filter: RequestFilter };

export type ServerAnswer = {
  readonly id: number;
  /** Monotonic nanoseconds of the system when the call began, as decimal text. */
  readonly at: string;
} & ({ readonly value: unknown } | { readonly error: string });
