// One followed resource with a transport that is a list of requests: what is heard, and what is not any more after a stop.
import { expect, test } from "vitest";
import type { ExchangeHandlers, Transport } from "../../src/kube/exchange.ts";
import { SERVICES } from "../../src/kube/resources.ts";
import { ResourceWatch } from "../../src/kube/resourceWatch.ts";
import { TestTime } from "../testTime.ts";

test("who is told of the last item and stops hears nothing more, and nothing is asked for or waited for", () => {
  const time = new TestTime();
  const asked: ExchangeHandlers[] = [];
  const transport: Transport = {
    server: "test",
    exchange: (_request, handlers) => {
      asked.push(handlers);
      return { abort: () => {} };
    },
    close: () => {},
  };
  const heard: string[] = [];
  const clock = { now: () => time.clock.now(), wall: () => 0 };
  const surroundings = { transport, clock, timers: time.timers, random: { next: () => 0 } };
  const watched = { resource: SERVICES, scope: "cluster", ifForbidden: "wait" } as const;
  const watch = new ResourceWatch(watched, "home", surroundings, {
    put: (key) => heard.push(key),
    delete: () => {},
    listed: () => {
      heard.push("listed");
      watch.stop();
    },
    faultChanged: () => {},
    flush: () => heard.push("flush"),
  });
  watch.list();
  const item = { metadata: { name: "a", namespace: "n" } };
  const page = { metadata: { resourceVersion: "1" }, items: [item] };
  asked[0]?.answered();
  asked[0]?.data(new TextEncoder().encode(JSON.stringify(page)));
  heard.length = 0;
  asked[0]?.ended();
  expect(heard).toEqual(["listed"]);
  expect([asked.length, time.armed]).toEqual([1, 0]);
});
