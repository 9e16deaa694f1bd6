// When the outcome of a change counts as written: not before a session stands, and not before every one that does has it.
import { expect, test } from "vitest";
import { noteWritten } from "../../src/app/historyNotes.ts";
import type { PeerRunner } from "../../src/bgp/peerRunner.ts";
import { Millis, ServiceKey } from "../../src/kernel/units.ts";
import { ServiceHistory } from "../../src/observe/serviceHistory.ts";

type Session = Pick<PeerRunner, "isDrained" | "negotiated">;
const negotiated = {} as NonNullable<PeerRunner["negotiated"]>;
const DOWN: Session = { isDrained: true, negotiated: null };
const WRITTEN: Session = { isDrained: true, negotiated };
const BUSY: Session = { isDrained: false, negotiated };

test.each([
  ["no peer", [], null],
  ["no session", [DOWN, DOWN], null],
  ["a session that has it all, beside one that is down", [DOWN, WRITTEN], 7],
  ["a session that has not got it all yet", [WRITTEN, BUSY], null],
] as const)("with %s", (_what, peers, writtenAt) => {
  const history = new ServiceHistory(4);
  const key = ServiceKey("default", "web");
  history.decided(key, undefined, undefined, Millis(1), Millis(2));
  history.settled();
  noteWritten(history, peers, Millis(7));
  expect(history.changes(key)[0]?.writtenAt).toBe(writtenAt);
});
