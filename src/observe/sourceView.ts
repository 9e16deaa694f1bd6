// What observers see of the source of objects: the input of metrics and of the `source` block of status. Owns its JSON shape. Knows
// nothing of requests. Contract: pure.
import type { Millis } from "../kernel/units.ts";

/** One kind that is followed at an API server. */
export interface ResourceView {
  /** `services`, `bgppeers.metallb.io`. */
  readonly resource: string;
  readonly phase: string;
  readonly objects: number;
  /** When the last list, event or bookmark came; null: none yet. */
  readonly heardAt: Millis | null;
  /** Watches that were opened after the first one. */
  readonly restarts: number;
  readonly lists: number;
  /** By HTTP status, or a word of ours where no answer came. */
  readonly errors: ReadonlyMap<string, number>;
  readonly fault: { readonly failure: { readonly message: string }; readonly since: Millis } | null;
}

export interface SourceView {
  readonly kind: "manifests" | "kubernetes";
  readonly location: string;
  /** Empty for manifests. */
  readonly resources: readonly ResourceView[];
}

export interface ResourceStatus {
  readonly resource: string;
  readonly phase: string;
  readonly objects: number;
  /** Seconds since the last list, event or bookmark; null: none yet. */
  readonly silentSeconds: number | null;
  readonly restarts: number;
  readonly lists: number;
  readonly errors: Readonly<Record<string, number>>;
  /** What keeps it from being followed; null: nothing. */
  readonly fault: string | null;
}

export interface SourceStatus {
  readonly kind: SourceView["kind"];
  readonly location: string;
  readonly resources: readonly ResourceStatus[];
}

/** Seconds since anything was heard. */
export const silence = ({ heardAt }: ResourceView, now: Millis): number | null =>
  heardAt === null ? null : (now - heardAt) / 1000;

/** @param now monotonic milliseconds */
export function sourceStatus({ kind, location, resources }: SourceView, now: Millis): SourceStatus {
  const status = (view: ResourceView): ResourceStatus => {
    const silent = silence(view, now);
    return {
      resource: view.resource,
      phase: view.phase,
      objects: view.objects,
      silentSeconds: silent === null ? null : Math.floor(silent),
      restarts: view.restarts,
      lists: view.lists,
      errors: Object.fromEntries(view.errors),
      fault: view.fault?.failure.message ?? null,
    };
  };
  return { kind, location, resources: resources.map(status) };
}

/** Words for `status`: the kinds that are not followed at present; empty when all are. */
export function sourceNotes({ resources }: SourceStatus): readonly string[] {
  const lost = resources.filter((r) => r.phase !== "watching" || r.fault !== null);
  return lost.map(({ resource, phase, silentSeconds, fault }) => {
    const heard = silentSeconds === null ? "nothing heard yet" : `last heard ${silentSeconds} s ago`;
    return `${resource}: ${phase}, ${heard}${fault === null ? "" : `: ${fault}`}`;
  });
}
