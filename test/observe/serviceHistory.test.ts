// The ring of changes: what is kept, for how long, and that memory stays bounded.
import { expect, test } from "vitest";
import type { ServiceDecision } from "../../src/announce/service.ts";
import { Millis, ServiceKey } from "../../src/kernel/units.ts";
import { HISTORY_LIMITS, ServiceHistory } from "../../src/observe/serviceHistory.ts";

const decision = (reason: ServiceDecision["reason"]): ServiceDecision => ({
  announced: reason === null,
  reason,
  detail: reason,
  cause: null,
  vips: [],
  pool: null,
  contributions: [],
  problems: [],
});
const up = decision(null);
const down = decision("noEndpoints");
const web = ServiceKey("default", "web");
const db = ServiceKey("default", "db");
const at = Millis;

test("a change is told with its arrival, its decision and the moment it was written", () => {
  const history = new ServiceHistory();
  history.arrived(web, at(10));
  history.arrived(web, at(11)); // the first one counts
  history.decided(web, undefined, up, at(5), at(12));
  expect(history.changes(web)).toEqual([{ at: 10, decidedAt: 12, writtenAt: null, from: "absent", to: "announced" }]);
  history.settled();
  expect(history.isAwaitingWrite).toBe(true);
  history.written(at(13));
  expect(history.isAwaitingWrite).toBe(false);
  expect(history.changes(web)[0]).toMatchObject({ writtenAt: 13 });
});

test("what no object of the service's own caused has the arrival of the change that did", () => {
  const history = new ServiceHistory();
  history.arrived(web, at(10));
  history.settled();
  history.decided(web, up, down, at(20), at(21));
  expect(history.changes(web)[0]).toMatchObject({ at: 20 });
});

test("what is decided after the table was settled is not written with it", () => {
  const history = new ServiceHistory();
  history.decided(web, undefined, up, at(1), at(1));
  history.settled();
  history.decided(db, undefined, up, at(2), at(2));
  history.written(at(3));
  expect([history.changes(web)[0]?.writtenAt, history.changes(db)[0]?.writtenAt]).toEqual([3, null]);
});

test("since when: an answer that stays the same keeps its moment, another one has its own", () => {
  const history = new ServiceHistory();
  expect(history.since(web)).toBeNull();
  history.decided(web, undefined, up, at(1), at(1));
  history.decided(web, up, up, at(2), at(2));
  expect(history.since(web)).toBe(1);
  history.decided(web, up, down, at(3), at(3));
  expect(history.since(web)).toBe(3);
});

test("unaltered since: announced otherwise is another moment, not announced for another object's sake is not", () => {
  const history = new ServiceHistory();
  expect(history.unaltered(web)).toBeNull();
  history.decided(web, undefined, up, at(1), at(1));
  expect(history.unaltered(web)).toBe(1);
  history.decided(web, up, up, at(2), at(2));
  expect([history.since(web), history.unaltered(web)]).toEqual([1, 2]);
  history.decided(web, up, down, at(3), at(3));
  history.decided(web, down, down, at(4), at(4));
  expect([history.since(web), history.unaltered(web)]).toEqual([3, 3]);
});

test("newest first, and no more than the limit of one service", () => {
  const history = new ServiceHistory();
  for (let i = 1; i <= HISTORY_LIMITS.perService + 5; i++) {
    history.decided(db, up, down, at(i), at(i));
    history.decided(web, i % 2 === 0 ? up : down, i % 2 === 0 ? down : up, at(i), at(i));
  }
  const changes = history.changes(web);
  expect(changes.length).toBe(HISTORY_LIMITS.perService);
  expect(changes.map((c) => c.at)).toEqual(changes.map((_, i) => HISTORY_LIMITS.perService + 5 - i));
});

test("the ring forgets the oldest change, not since when; a service that is gone leaves with its last change", () => {
  const history = new ServiceHistory(8);
  history.decided(web, undefined, up, at(1), at(1));
  history.decided(db, undefined, up, at(2), at(2));
  history.decided(db, up, undefined, at(3), at(3));
  expect(history.changes(db).map((c) => c.to)).toEqual(["absent", "announced"]);
  for (let i = 0; i < 8; i++) history.decided(ServiceKey("default", `s${i}`), undefined, up, at(10 + i), at(10 + i));
  expect([history.changes(web), history.since(web)]).toEqual([[], 1]);
  expect([history.changes(db), history.since(db)]).toEqual([[], null]);
});

test("a change behind the ring's edge is not told through the chain of a later one", () => {
  const history = new ServiceHistory(4);
  history.decided(web, undefined, up, at(1), at(1));
  for (let i = 0; i < 3; i++) history.decided(ServiceKey("default", `s${i}`), undefined, up, at(2), at(2));
  history.decided(web, up, down, at(3), at(3));
  expect(history.changes(web).map((c) => c.at)).toEqual([3]);
});
