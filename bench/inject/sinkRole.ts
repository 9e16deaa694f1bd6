// SHELL: the sink as a process of its own: counts prefixes and says when the last of them came. Owns nothing else.
import { now, say } from "../roles.ts";
import { Sink } from "../sink.ts";
import { Tally } from "../wire.ts";

/** @param expected number of prefixes after which it says `done` */
export async function runSink(expected: number): Promise<void> {
  let tally = new Tally();
  let octets = 0;
  const sink = await Sink.listen({
    established: (at) => say("established", { at: String(at) }),
    update: (bytes, start, end) => {
      tally.add(bytes, start, end);
      octets += end - start;
    },
    chunk: (at) => {
      if (tally.announced < expected) return;
      const { announced, addressSum, updates } = tally;
      say("done", { at: String(at), read: now(), announced, addressSum, updates, octets });
      tally = new Tally();
    },
  });
  say("listening", { port: sink.port });
}
