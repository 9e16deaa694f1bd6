// Events under a virtual clock: their bodies, repetition, floods, and what becomes of refusals.
import { describe, expect, test } from "vitest";
import { Millis } from "../../src/kernel/units.ts";
import { answerFailure, localFailure } from "../../src/kube/apiError.ts";
import {
  EVENT_BURST,
  EVENT_EVERY,
  EventLog,
  type EventWrite,
  MAX_EVENTS,
  type Occurrence,
} from "../../src/reports/eventLog.ts";

const WALL = Date.parse("2026-01-31T12:00:00Z");
const said = (name: string, message = "m"): Occurrence => ({
  target: { namespace: "shop", name, uid: `uid-${name}` },
  component: "metallb-speaker",
  type: "Normal",
  reason: "nodeAssigned",
  message,
});
const newLog = () => new EventLog({ next: () => 0.5 });
const add = (log: EventLog, what: Occurrence, at = 0): void => log.add(what, Millis(at), WALL + at);
function next(log: EventLog, at = 0): EventWrite {
  const write = log.next(Millis(at));
  if (write === null) throw new Error("nothing to write");
  return write;
}
const status = (code: number, message = "") => answerFailure(code, JSON.stringify({ message }), undefined);

describe("an Event", () => {
  test("is written as client-go writes it", () => {
    const log = newLog();
    add(log, said("web", 'announcing from node "n1" with protocol "bgp"'));
    expect(next(log)).toMatchObject({
      namespace: "shop",
      name: null,
      body: {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: expect.stringMatching(/^web\.[0-9a-f]+$/), namespace: "shop" },
        involvedObject: { apiVersion: "v1", kind: "Service", namespace: "shop", name: "web", uid: "uid-web" },
        type: "Normal",
        reason: "nodeAssigned",
        message: 'announcing from node "n1" with protocol "bgp"',
        source: { component: "metallb-speaker" },
        reportingComponent: "metallb-speaker",
        reportingInstance: "",
        firstTimestamp: "2026-01-31T12:00:00Z",
        lastTimestamp: "2026-01-31T12:00:00Z",
        count: 1,
      },
    });
  });

  test("that is said again counts on the one that is there", () => {
    const log = newLog();
    add(log, said("web"));
    log.worked(next(log), "web.1");
    add(log, said("web"), 60_000);
    add(log, said("web"), 61_000);
    expect(next(log)).toMatchObject({ name: "web.1", body: { count: 3, lastTimestamp: "2026-01-31T12:01:01Z" } });
  });

  test("that is said again while it is under way is told afterwards, in one request", () => {
    const log = newLog();
    add(log, said("web"));
    const write = next(log);
    add(log, said("web"));
    add(log, said("web"));
    expect(log.next(Millis(0))).toBeNull();
    log.worked(write, "web.1");
    expect(next(log)).toMatchObject({ name: "web.1", body: { count: 3 } });
    expect(log.pending).toBe(1);
  });

  test("that the server has forgotten is made anew", () => {
    const log = newLog();
    add(log, said("web"));
    log.worked(next(log), "web.1");
    add(log, said("web"));
    log.failed(next(log), status(404), Millis(0));
    expect(next(log)).toMatchObject({ name: null, body: { count: 2 } });
  });

  test("whose name is taken gets another one, after a pause", () => {
    const log = newLog();
    add(log, said("web"));
    log.failed(next(log), status(409), Millis(0));
    expect(log.next(Millis(0))).toBeNull();
    expect(next(log, log.deadline() ?? 0).name).toBeNull();
  });
});

describe("a flood", () => {
  test("of one Service is cut off, and goes on slowly", () => {
    const log = newLog();
    for (let i = 0; i < 100; i++) add(log, said("web", `m${i}`));
    add(log, said("other"));
    expect([log.pending, log.dropped]).toEqual([EVENT_BURST + 1, 100 - EVENT_BURST]);
    add(log, said("web", "later"), EVENT_EVERY);
    add(log, said("web", "too soon"), EVENT_EVERY);
    expect([log.pending, log.dropped]).toEqual([EVENT_BURST + 2, 101 - EVENT_BURST]);
  });

  test("of many Services keeps the newest", () => {
    const log = newLog();
    for (let i = 0; i < MAX_EVENTS + 10; i++) add(log, said(`s${i}`));
    expect([log.pending, log.dropped]).toEqual([MAX_EVENTS, 10]);
    expect(next(log).body.involvedObject).toMatchObject({ name: "s10" });
  });

  test("of many Services leaves alone what is being written: said again, it counts on that", () => {
    const log = newLog();
    add(log, said("web"));
    const write = next(log);
    for (let i = 0; i < MAX_EVENTS; i++) add(log, said(`s${i}`));
    log.worked(write, "web.1");
    add(log, said("web"), 60_000);
    const names = [];
    for (let last = log.next(Millis(60_000)); last !== null; last = log.next(Millis(60_000))) names.push(last.name);
    expect(names.filter((name) => name !== null)).toEqual(["web.1"]);
  });

  test("of many Services makes room: what was cut off long ago may speak again", () => {
    const log = newLog();
    for (let i = 0; i < EVENT_BURST + 1; i++) add(log, said("web", `m${i}`));
    expect(log.dropped).toBe(1);
    for (let i = 0; i < MAX_EVENTS; i++) add(log, said(`s${i}`));
    const before = log.dropped;
    add(log, said("web", "anew"));
    // one made room for it, and it was not cut off itself
    const messages = [];
    for (let last = log.next(Millis(0)); last !== null; last = log.next(Millis(0))) messages.push(last.body.message);
    expect([messages.includes("anew"), log.dropped - before]).toEqual([true, 1]);
  });
});

describe("a refusal", () => {
  test("for want of permission stops all of them, and is told", () => {
    const log = newLog();
    add(log, said("web"));
    add(log, said("db"));
    log.failed(next(log), status(403, "no"), Millis(0));
    expect([log.next(Millis(0)), log.fault?.kind, log.deadline()]).toEqual([null, "forbidden", 60_000]);
    log.worked(next(log, 60_000), "db.1");
    expect(log.fault).toBeNull();
  });

  test.each([
    [404, 'namespaces "shop" not found'],
    [403, 'events "web.1" is forbidden: unable to create new content in namespace shop because it is being terminated'],
    [422, "invalid"],
  ])("%d (%s) costs that one alone", (code, message) => {
    const log = newLog();
    add(log, said("web"));
    log.failed(next(log), status(code, message), Millis(0));
    expect([log.pending, log.dropped, log.fault]).toEqual([0, 1, null]);
    add(log, said("db"));
    expect(next(log).body.involvedObject).toMatchObject({ name: "db" });
  });

  test("that may pass is tried again after a pause", () => {
    const log = newLog();
    add(log, said("web"));
    log.failed(next(log), localFailure("connection", "refused"), Millis(0));
    expect([log.next(Millis(0)), log.pending]).toEqual([null, 1]);
    expect(next(log, log.deadline() ?? 0).body).toMatchObject({ count: 1 });
  });
});
