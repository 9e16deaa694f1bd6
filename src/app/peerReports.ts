// What peers and decisions do, put into log lines: which event at which level, under which name. Owns the words of these
// lines (MetalLB's event names where it has one) and the count of our own defects. Changes nothing.
import type { ServiceDecision } from "../announce/service.ts";
import type { PeerRunner } from "../bgp/peerRunner.ts";
import type { PeerObserver } from "../bgp/peerSurroundings.ts";
import type { EndCause, FsmStateName } from "../bgp/session/fsm.ts";
import type { PeerChange } from "../bgp/speaker.ts";
import type { NotificationMessage, UpdateMessage } from "../bgp/wire/message.ts";
import { describeNotification } from "../bgp/wire/notification.ts";
import type { Clock } from "../kernel/clock.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { toHex } from "../kernel/text.ts";
import type { ServiceKey } from "../kernel/units.ts";
import type { Logger } from "../observe/log.ts";
import type { LogEvent } from "../observe/logEvents.ts";
import { peerEndpoint } from "../observe/peerView.ts";
import { logProblemChanges } from "../observe/problemLog.ts";

export interface PeerHooks {
  /** See PeerObserver. */
  drained(runner: PeerRunner): void;
  /** Its state, or why it has no session, is another one. */
  changed(runner: PeerRunner): void;
}

export interface NotificationCounts {
  notification(runner: PeerRunner, direction: "sent" | "received", notification: NotificationMessage): void;
}

export class PeerReports implements PeerObserver {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #counts: NotificationCounts & PeerHooks;
  /** Defects of our own that were caught, over all peers. */
  internalErrors = 0;

  /** @param counts told every NOTIFICATION, either way, and when a peer has all that it should */
  constructor(log: Logger, clock: Clock, counts: NotificationCounts & PeerHooks) {
    this.#counts = counts;
    this.#log = log;
    this.#clock = clock;
  }

  stateChanged(runner: PeerRunner, from: FsmStateName, to: FsmStateName): void {
    this.#counts.changed(runner);
    const fields = { ...who(runner), from, state: to };
    if (to === "Established") {
      const n = runner.negotiated;
      const agreed = { peerAsn: n?.peerAsn, localAsn: n?.localAsn, holdTime: n?.holdTime };
      this.#log.info("sessionUp", { ...fields, ...agreed }, `session with ${runner.config.name} is up`);
    } else if (from === "Established") {
      const why = runner.state.lastEnd;
      const fault = { ...fields, reason: why?.kind, ...codes(why) };
      this.#log.warn("sessionDown", fault, `session with ${runner.config.name} is down: ${endText(why)}`);
    } else {
      this.#log.debug("peerState", fields, `${from} -> ${to}`);
    }
  }

  ended(runner: PeerRunner, cause: EndCause, wasEstablished: boolean): void {
    this.#counts.changed(runner);
    if (cause.sent !== null) this.#counts.notification(runner, "sent", cause.sent);
    if (cause.received !== null) {
      this.#counts.notification(runner, "received", cause.received);
      const fields = { ...who(runner), ...codes(cause), data: toHex(cause.received.data, 64) };
      this.#log.warn("peerNotification", fields, `${runner.config.name} sent ${describeNotification(cause.received)}`);
    }
    if (wasEstablished || cause.kind === "stopped") return; // sessionDown, or whoever stopped it, tells
    const { idleHold } = runner.state;
    const wait = idleHold === null ? 0 : Math.max(0, idleHold.until - this.#clock.now());
    const fields = { ...who(runner), reason: cause.kind, ...codes(cause) };
    // beside a session that stands, a second connection that fails is no news
    if (cause.kind === "collision" || runner.negotiated !== null)
      this.#log.debug("connectionEnded", fields, cause.detail);
    else {
      const again = wait === 0 ? "trying again" : `next attempt in ${(wait / 1000).toFixed(1)} s`;
      this.#log.warn("connectFailed", fields, `no session with ${runner.config.name}: ${endText(cause)}; ${again}`);
    }
  }

  drained(runner: PeerRunner): void {
    this.#counts.drained(runner);
  }

  updateFaults(runner: PeerRunner, update: UpdateMessage): void {
    const [worst] = update.faults;
    if (worst === undefined) return;
    const fields = {
      ...who(runner),
      verdict: update.verdict,
      attribute: worst.attribute,
      data: toHex(worst.fault.data, 64),
    };
    this.#log.warn("updateFault", fields, `faulty UPDATE from ${runner.config.name}: ${worst.fault.detail}`);
  }

  defect(runner: PeerRunner, error: unknown): void {
    this.internalErrors++;
    this.#log.error(
      "internalError",
      { ...who(runner), error },
      "a defect of vipcast ended this session; please report it",
    );
  }

  /** An operator ends the pause of a peer. */
  cleared(runner: PeerRunner): void {
    const why = runner.state.idleHold?.why;
    const text = why === undefined ? "it was not held" : `it was held: ${why}`;
    this.#log.info("peerCleared", who(runner), `${runner.config.name} is started anew by an operator; ${text}`);
  }

  peerChanges(changes: readonly PeerChange[]): void {
    for (const { peer, change, fields } of changes) {
      const [event, text] = PEER_CHANGE[change];
      const what = fields.length === 0 ? "" : ` (${fields.join(", ")})`;
      this.#log.info(event, { peer }, `${peer}: ${text}${what}`);
    }
  }

  serviceChanged(key: ServiceKey, before: ServiceDecision | undefined, after: ServiceDecision | undefined): void {
    const fields = { service: key, vips: (after ?? before)?.vips, pool: (after ?? before)?.pool };
    // a drain is one event, however many services there are, and has lines of its own
    const level = before?.reason === "nodeDrained" || after?.reason === "nodeDrained" ? "debug" : "info";
    if (after?.announced === true) {
      if (before?.announced !== true) this.#log[level]("serviceAnnounced", fields, `${key} is announced`);
      else this.#log.debug("updatedAdvertisements", fields, `${key} is announced differently`);
      return;
    }
    const reason = after?.reason ?? "serviceDeleted";
    const text = after?.detail ?? "the Service was deleted";
    if (before?.announced === true) {
      this.#log[level]("serviceWithdrawn", { ...fields, reason }, `${key} is withdrawn: ${text}`);
    } else {
      this.#log.debug("serviceNotAnnounced", { ...fields, reason }, `${key} is not announced: ${text}`);
    }
  }

  /** Tells what is newly wrong and what no longer is. */
  problems(before: ReadonlyMap<string, ConfigProblem>, after: ReadonlyMap<string, ConfigProblem>): void {
    logProblemChanges(this.#log, before, after);
  }
}

const PEER_CHANGE: Record<PeerChange["change"], readonly [event: LogEvent, text: string]> = {
  added: ["peerAdded", "peer added"],
  removed: ["peerRemoved", "peer removed"],
  reset: ["peerReset", "parameters of the session changed, it is made anew"],
  readvertise: ["peerChanged", "changed without touching the session, its routes go out again"],
  live: ["peerChanged", "changed without touching the session"],
};

const who = (runner: PeerRunner): { peer: string; address: string } => {
  return { peer: runner.config.name, address: peerEndpoint(runner) };
};

const codes = (why: EndCause | null): { code?: number; subcode?: number } => {
  const n: NotificationMessage | null | undefined = why?.sent ?? why?.received;
  return n == null ? {} : { code: n.errorCode, subcode: n.errorSubcode };
};

function endText(why: EndCause | null): string {
  if (why === null) return "unknown";
  if (why.sent !== null) return `we sent ${describeNotification(why.sent)} (${why.detail})`;
  if (why.received !== null) return `it sent ${describeNotification(why.received)}`;
  return why.detail;
}
