// Who owns what we write: the daemon's Pod, else its Node (metallb-compat 8, point 4), so that the cluster removes it with them. Owns the
// choice, and when it is asked for. Knows nothing of what is owned. Contract: one question at a time, one timer, and a question a second at most,
// however many objects are taken away; without an answer it is asked again in pauses that double, without an owner seldom.
import type { Clock, TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import { ApiError } from "../kube/apiError.ts";
import type { KubeClient } from "../kube/client.ts";
import { NODES, PODS } from "../kube/resources.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { PAUSE_FIRST, PAUSE_LAST } from "./obstacles.ts";
import { doubled } from "./pace.ts";
import type { OwnerReference } from "./report.ts";

/** An owner that was not there is looked for again after this. */
export const OWNER_RETRY = Millis(60_000);
/** From one question to the next that somebody asks for. */
export const OWNER_PACE = Millis(1_000);

export interface OwnerAnswer {
  /** null: neither is there. */
  readonly owner: OwnerReference | null;
  /** Why it is not the Pod that was named; null: none was, or it is. */
  readonly podFault: string | null;
}

export interface OwnerQuestion {
  readonly node: string;
  readonly home: string;
  readonly podName: string | null;
}

export interface OwnerSurroundings {
  readonly client: Pick<KubeClient, "get" | "list">;
  readonly clock: Pick<Clock, "now">;
  readonly timers: Timers;
}

export class OwnerSearch {
  readonly #question: OwnerQuestion;
  readonly #with: OwnerSurroundings;
  readonly #told: (answer: OwnerAnswer) => void;
  #askedAt: Millis | null = null;
  #isAsking = false;
  #isStopped = false;
  /** Questions in a row that had no answer. */
  #failures = 0;
  #timer: TimerHandle | null = null;

  constructor(question: OwnerQuestion, surroundings: OwnerSurroundings, told: (answer: OwnerAnswer) => void) {
    this.#question = question;
    this.#with = surroundings;
    this.#told = told;
  }

  /** The owner is not known, or may be another one; the answer goes to `told`. */
  ask(): void {
    if (this.#isAsking) return;
    const wait = this.#askedAt === null ? 0 : this.#askedAt + OWNER_PACE - this.#with.clock.now();
    if (wait > 0) this.#askIn(Millis(wait));
    else this.#ask();
  }

  /** Nothing is told afterwards. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #askIn(pause: Millis): void {
    this.#timer?.cancel();
    if (!this.#isStopped) this.#timer = this.#with.timers.after(pause, () => this.#ask());
  }

  #ask(): void {
    if (this.#isStopped) return;
    this.#timer?.cancel();
    this.#isAsking = true;
    this.#askedAt = this.#with.clock.now();
    findOwner(this.#with.client, this.#question).then(
      (answer) => {
        this.#isAsking = false;
        this.#failures = 0;
        if (answer.owner === null) this.#askIn(OWNER_RETRY);
        if (!this.#isStopped) this.#told(answer);
      },
      (error: unknown) => {
        this.#isAsking = false;
        this.#askIn(doubled(++this.#failures, PAUSE_FIRST, PAUSE_LAST));
        if (!(error instanceof ApiError)) throw error;
      },
    );
  }
}

/** @throws ApiError when the server cannot be asked */
async function findOwner(
  client: OwnerSurroundings["client"],
  { node, home, podName }: OwnerQuestion,
): Promise<OwnerAnswer> {
  let podFault: string | null = null;
  if (podName !== null) {
    try {
      const pod = await client.get(PODS, { namespace: home, name: podName });
      return { owner: referenceTo("Pod", pod), podFault: null };
    } catch (error) {
      if (!(error instanceof ApiError) || !(error.isNotFound || error.isForbidden)) throw error;
      podFault = error.message;
    }
  }
  // listed, not read: that permission is there already
  const [found] = await client.list(NODES, { fieldSelector: `metadata.name=${node}` });
  return { owner: found === undefined ? null : referenceTo("Node", found), podFault };
}

function referenceTo(kind: string, { metadata }: RawObject): OwnerReference | null {
  const { name, uid } = isRawObject(metadata) ? metadata : {};
  if (typeof name !== "string" || typeof uid !== "string") return null;
  return { apiVersion: "v1", kind, name, uid };
}
