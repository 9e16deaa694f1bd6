// Long work on the main thread, cut into turns: whoever answers a question must not make a keepalive wait. Owns the pause between
// two slices, and how work is put off to a turn of its own. Knows nothing of the work. Contract: a slice lasts ANSWER_SLICE_MS plus
// one step of the generator.
import type { Clock } from "../kernel/clock.ts";

/** Less than deciding takes at a time (reconcile.ts), for nobody waits for an answer as a route waits for its decision. */
export const ANSWER_SLICE_MS = 4;

/** Runs a generator to its end, with the event loop's other work between slices. */
export async function inSlices<T>(work: Generator<void, T>, clock: Clock): Promise<T> {
  for (let until = clock.now() + ANSWER_SLICE_MS; ; ) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (clock.now() < until) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    until = clock.now() + ANSWER_SLICE_MS;
  }
}

/** The texts that a generator makes, each as soon as it is there; `undefined` is a place to rest. */
export async function* streamInSlices(work: Generator<string | undefined, void>, clock: Clock): AsyncGenerator<string> {
  let until = clock.now() + ANSWER_SLICE_MS;
  for (const piece of work) {
    if (piece !== undefined) yield piece;
    if (clock.now() < until) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    until = clock.now() + ANSWER_SLICE_MS;
  }
}

/** For calls from the midst of others' work: however often it is called in one turn, `work` is done once, in the next. */
export function inNextTurn(work: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      work();
    });
  };
}
