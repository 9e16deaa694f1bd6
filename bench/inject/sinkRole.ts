// SHELL: the sink as a process of its own: counts prefixes, messages and octets, says when the last prefix came and when the
// last of them was withdrawn. Owns nothing else. Contract: octets are those of whole UPDATEs, headers included, TCP's and
// those of other messages not; UPDATEs without routes of the table are passed over.
import { now, say } from "../roles.ts";
import { Sink } from "../sink.ts";
import { firstAddress, HEADER, Tally } from "../wire.ts";

/** The first octet of every address of the table. */
const TABLE_NET = 10;

/** @param expected number of prefixes after which it says `done`, and `gone` after as many withdrawals */
export async function runSink(expected: number): Promise<void> {
  let tally = new Tally();
  let octets = 0;
  let next: "done" | "gone" = "done";
  const sink = await Sink.listen({
    established: (at) => say("established", { at: String(at) }),
    update: (bytes, start, end) => {
      // End-of-RIB, or a route that is not of the table
      if ((firstAddress(bytes, start, end) ?? 0) >>> 24 !== TABLE_NET) return;
      tally.add(bytes, start, end);
      octets += HEADER + end - start;
    },
    chunk: (at) => {
      const { announced, withdrawn, addressSum, updates } = tally;
      if ((next === "done" ? announced : withdrawn) < expected) return;
      say(next, { at: String(at), read: now(), announced, withdrawn, addressSum, updates, octets });
      next = next === "done" ? "gone" : "done";
      tally = new Tally();
      octets = 0;
    },
  });
  say("listening", { port: sink.port });
}
