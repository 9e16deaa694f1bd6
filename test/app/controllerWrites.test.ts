// What one term of the controller writes, at a server that refuses: what is told of it, and that nothing spins or waits for ever.
import { describe, expect, test } from "vitest";
import { events } from "../../src/allocate/model.ts";
import { ControllerWrites, WriteCounts } from "../../src/app/controllerWrites.ts";
import { POOL_ANNOTATION, type WantedStatus } from "../../src/control/serviceStatus.ts";
import { LAST_REST } from "../../src/control/writeQueue.ts";
import type { ServiceKey } from "../../src/kernel/units.ts";
import { KubeClient } from "../../src/kube/client.ts";
import type { ExchangeRequest } from "../../src/kube/exchange.ts";
import { SERVICES } from "../../src/kube/resources.ts";
import { createLogger } from "../../src/observe/log.ts";
import { EVENT_BURST } from "../../src/reports/eventLog.ts";
import type { RawObject } from "../../src/sources/fields.ts";
import { type Answer, failure, TestServer } from "../control/testServer.ts";
import { TestTime } from "../testTime.ts";

const service = (name: string, version: number, ...ips: readonly string[]): RawObject => ({
  metadata: {
    namespace: "default",
    name,
    uid: name,
    resourceVersion: String(version),
    annotations: ips.length === 0 ? {} : { [POOL_ANNOTATION]: "p" },
  },
  status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
});

/** @param answer for everything but the ConfigurationState, whose kind is not there */
function stage(answer: (request: ExchangeRequest) => Answer) {
  const time = new TestTime();
  const counts = new WriteCounts();
  const wanted = new Map<string, WantedStatus | null>();
  const gate = { isOpen: true };
  const server = new TestServer((request) =>
    request.path.includes("configurationstates") ? failure(404) : answer(request),
  );
  const { clock, timers } = time;
  const writes = new ControllerWrites({
    client: new KubeClient(server, timers),
    home: "metallb-system",
    owner: [],
    clock,
    timers,
    random: { next: () => 1 },
    log: createLogger("error", { write: () => {} }, clock.wall),
    counts,
    mayWrite: () => gate.isOpen,
    wanted: (key) => wanted.get(key) ?? null,
    counters: () => [],
    verdict: () => ({ isValid: true, message: "" }),
    problemsChanged: () => {},
  });
  const seen = (name: string, version: number, ...ips: readonly string[]): void =>
    writes.seen(SERVICES, `default/${name}`, service(name, version, ...ips));
  const wants = (name: string, ...ips: readonly string[]): void => {
    wanted.set(`default/${name}`, { ips, pool: ips.length === 0 ? null : "p" });
  };
  const sent = (part: string): number => server.requests.filter(({ path }) => path.includes(part)).length;
  const told = (): readonly string[] => writes.problems().map(({ name, message }) => `${name}: ${message}`);
  return { time, counts, wanted, gate, server, writes, seen, wants, sent, told };
}

describe("what is told of writes that fail", () => {
  test("that nothing can be written stays while somebody waits for it, whoever needs no write meanwhile", async () => {
    let isAllowed = false;
    const s = stage(({ path }) => (isAllowed ? service(path.split("/")[6] ?? "", 9, "192.0.2.1") : failure(403)));
    s.wants("lacks", "192.0.2.1");
    s.wants("has", "192.0.2.2");
    s.seen("lacks", 1);
    s.seen("has", 2, "192.0.2.2");
    s.writes.decided();
    await s.time.pass(1);
    expect(s.told()).toEqual(["*: no services can be written: no"]);
    s.seen("has", 3, "192.0.2.2");
    s.writes.decided();
    await s.time.pass(1);
    expect(s.told()).toEqual(["*: no services can be written: no"]);
    isAllowed = true;
    await s.time.pass(LAST_REST);
    expect(s.told()).toEqual([]);
  });

  test("it ends with the last Service that waited for it, also when that is deleted", async () => {
    const s = stage(() => failure(403));
    s.wants("lacks", "192.0.2.1");
    s.seen("lacks", 1);
    s.writes.decided();
    await s.time.pass(1);
    s.writes.seen(SERVICES, "default/lacks", null);
    s.writes.decided();
    await s.time.pass(LAST_REST);
    expect(s.told()).toEqual([]);
  });

  test("what lies in one object is told of that one", async () => {
    const s = stage(() => failure(422));
    s.wants("lacks", "192.0.2.1");
    s.seen("lacks", 1);
    s.writes.decided();
    await s.time.pass(1);
    expect(s.told()).toEqual(["lacks: cannot be written: no"]);
  });
});

test("a Service that waits for an address gets it when its holder, that was to lose it, is nobody's business any more", async () => {
  const s = stage(({ path, body }) => {
    if (path.includes("/holder/")) return failure(422);
    expect(body?.text).toContain("192.0.2.1");
    return service("heir", 9, "192.0.2.1");
  });
  s.wants("holder");
  s.wants("heir", "192.0.2.1");
  s.seen("holder", 1, "192.0.2.1");
  s.seen("heir", 2);
  s.writes.decided();
  await s.time.pass(LAST_REST);
  expect(s.sent("/heir/")).toBe(0);
  s.wanted.set("default/holder", null);
  s.writes.allocated("default/holder", []);
  s.writes.decided();
  await s.time.pass(1);
  expect(s.sent("/heir/")).toBe(1);
});

describe("Events", () => {
  const KEY = "default/web" as ServiceKey;
  const news = (n: number) => events.failed(KEY, `cause ${n}`);

  test("whose pause is over while nothing may be written cost no timers, and go out when it may", async () => {
    let isAway = true;
    const s = stage(() => (isAway ? failure(503) : service("web", 9)));
    s.seen("web", 1);
    s.writes.allocated(KEY, [news(1)]);
    s.writes.decided();
    await s.time.pass(1);
    expect(s.sent("/events")).toBe(1);
    s.gate.isOpen = false;
    const before = s.time.fired;
    await s.time.pass(60_000);
    expect(s.time.fired - before).toBeLessThan(10);
    s.gate.isOpen = true;
    isAway = false;
    s.writes.decided();
    await s.time.pass(1);
    expect(s.sent("/events")).toBe(2);
  });

  test("of a Service whose writes are refused are held to what it could be told at once", async () => {
    const s = stage(({ path }) => (path.includes("/events") ? service("e", 1) : failure(422)));
    s.wants("web", "192.0.2.1");
    s.seen("web", 1);
    for (let n = 0; n < EVENT_BURST + 5; n++) s.writes.allocated(KEY, [news(n)]);
    s.writes.decided();
    await s.time.pass(1);
    expect([s.sent("/events"), s.counts.eventsDropped]).toEqual([0, 5]);
    s.seen("web", 2, "192.0.2.1");
    s.writes.decided();
    await s.time.pass(LAST_REST);
    expect(s.sent("/events")).toBe(EVENT_BURST);
  });
});
