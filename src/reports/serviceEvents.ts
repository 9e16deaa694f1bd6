// What is said on a Service when this node changes its mind about it: MetalLB's Event where it has one, ours where it has none
// (metallb-compat 5.6). Owns reasons and words, and what counts as a change. Contract: pure; a decision that stays what it was says nothing,
// however often it is made (6.2, row 3).
import { type Reason, reasonHelp } from "../announce/reasons.ts";
import type { ServiceDecision } from "../announce/service.ts";
import type { EventTarget, Occurrence } from "./eventLog.ts";

/** Who speaks in MetalLB. */
const METALLB_SPEAKER = "metallb-speaker";
const OWN_SPEAKER = "vipcast-speaker";
/** Characters; the server takes 1024. */
const MAX_MESSAGE = 1_000;

export const announcedEvent = (target: EventTarget, node: string): Occurrence => ({
  target,
  component: METALLB_SPEAKER,
  type: "Normal",
  reason: "nodeAssigned",
  message: `announcing from node "${node}" with protocol "bgp"`,
});

/** @param reason with the object and field in `detail` */
export function withdrawnEvent(
  target: EventTarget,
  node: string,
  { reason, detail }: { readonly reason: Reason; readonly detail: string | null },
): Occurrence {
  const message = `no longer announcing from node "${node}" with protocol "bgp": ${reason}: ${detail ?? reasonHelp(reason)}`;
  return {
    target,
    component: OWN_SPEAKER,
    type: "Normal",
    reason: "nodeWithdrawn",
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}...` : message,
  };
}

/**
 * @param wasAnnounced as it was last told @param decision undefined: there is no such Service, and nobody to tell
 * @returns null where nothing has changed
 */
export function eventOf(
  wasAnnounced: boolean,
  decision: Pick<ServiceDecision, "announced" | "reason" | "detail"> | undefined,
  target: EventTarget | null,
  node: string,
): Occurrence | null {
  if (target === null || decision === undefined || wasAnnounced === decision.announced) return null;
  const { announced, reason, detail } = decision;
  if (announced || reason === null) return announcedEvent(target, node);
  return withdrawnEvent(target, node, { reason, detail });
}
