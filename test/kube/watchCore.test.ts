// Following a resource on a virtual clock: what is asked for, when, and what of it reaches the store.
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { Millis } from "../../src/kernel/units.ts";
import { type ApiFailure, localFailure } from "../../src/kube/apiError.ts";
import {
  ANSWER_LIMIT,
  GOOD_LIFE,
  LAST_PAUSE,
  LATE_CLOSE,
  LONGEST_WATCH_SECONDS,
  SHORTEST_WATCH_SECONDS,
  SILENCE_LIMIT,
  SLOW_PAUSE,
  WatchCore,
} from "../../src/kube/watchCore.ts";
import type { WatchAction, WatchEvent } from "../../src/kube/watchTypes.ts";

const http = (code: number, reason = "", message = "", retryAfter: number | null = null): ApiFailure => ({
  code,
  reason,
  message,
  retryAfter: retryAfter === null ? null : Millis(retryAfter),
});
const item = (name: string, version = "1") => ({ metadata: { name, namespace: "ns", resourceVersion: version } });

/** Performs nothing: keeps what was asked for, in words. */
class Bench {
  now = 0;
  randomness = 0.5;
  readonly core: WatchCore;
  readonly store = new Set<string>();
  said: string[] = [];

  constructor(ifForbidden: "wait" | "without" = "wait") {
    this.core = new WatchCore({ ifForbidden, random: { next: () => this.randomness } });
  }

  send(event: WatchEvent): readonly string[] {
    this.said = this.core.handle(event, Millis(this.now)).map((action) => this.#words(action));
    return this.said;
  }

  /** Lets time pass up to the deadline, but no further than `limit`; the answer of the tick, or null. */
  wait(limit = Number.POSITIVE_INFINITY): readonly string[] | null {
    const due = this.core.deadline();
    if (due === null || due > this.now + limit) {
      this.now += limit;
      return null;
    }
    this.now = due;
    return this.send({ type: "tick" });
  }

  line(type: string, object: object): readonly string[] {
    return this.send({ type: "line", text: JSON.stringify({ type, object }) });
  }

  fail(failure: ApiFailure): readonly string[] {
    return this.send({ type: "failed", failure });
  }

  /** A list of these objects in one page, and an open watch from version 10. */
  listed(...names: string[]): this {
    if (this.core.view().phase === "stopped") this.send({ type: "list" });
    this.send({ type: "items", items: names.map((n) => item(n)) });
    this.send({ type: "page", resourceVersion: "10", continueToken: null });
    this.send({ type: "opened" });
    return this;
  }

  #words(action: WatchAction): string {
    switch (action.type) {
      case "request":
        return `${action.verb} ${new URLSearchParams(action.query).toString()}`;
      case "put":
        this.store.add(action.key);
        return `put ${action.key}`;
      case "delete":
        this.store.delete(action.key);
        return `delete ${action.key}`;
      default:
        return action.type;
    }
  }
}

const WATCH_10 = "watch watch=true&allowWatchBookmarks=true&resourceVersion=10&timeoutSeconds=450";
let bench = new Bench();
beforeEach(() => {
  bench = new Bench();
});

describe("the list", () => {
  test("comes in pages, and is complete after the last one; the watch begins at the first page's version", () => {
    expect(bench.send({ type: "list" })).toEqual(["list limit=500"]);
    expect(bench.send({ type: "items", items: [item("a")] })).toEqual(["put ns/a"]);
    const more = bench.send({ type: "page", resourceVersion: "10", continueToken: "t1" });
    expect(more).toEqual(["list limit=500&continue=t1"]);
    expect(bench.send({ type: "items", items: [item("b")] })).toEqual(["put ns/b"]);
    expect(bench.send({ type: "page", resourceVersion: "12", continueToken: null })).toEqual(["listed", WATCH_10]);
  });

  test("anew deletes what vanished, after the last page only, and says `listed` once", () => {
    bench.listed("a", "b", "c");
    expect(bench.send({ type: "list" })).toEqual(["abort", "list limit=500"]);
    bench.send({ type: "items", items: [item("b")] });
    bench.send({ type: "page", resourceVersion: "20", continueToken: "t" });
    expect(bench.store).toEqual(new Set(["ns/a", "ns/b", "ns/c"]));
    bench.send({ type: "items", items: [item("d")] });
    const end = bench.send({ type: "page", resourceVersion: "20", continueToken: null });
    expect(end.slice(0, -1)).toEqual(["delete ns/a", "delete ns/c"]);
    expect(bench.store).toEqual(new Set(["ns/b", "ns/d"]));
  });

  test("that breaks goes on at the page it was at", () => {
    bench.send({ type: "list" });
    bench.send({ type: "page", resourceVersion: "10", continueToken: "t1" });
    bench.fail(localFailure("connection", "reset"));
    expect(bench.wait()).toEqual(["list limit=500&continue=t1"]);
  });

  test("whose continue token expires begins anew, and after two of them asks for one page", () => {
    bench.send({ type: "list" });
    for (const again of ["list limit=500", "list "]) {
      bench.send({ type: "page", resourceVersion: "10", continueToken: "t1" });
      bench.fail(http(410, "Expired", "token too old"));
      expect(bench.wait()).toEqual([again]);
    }
    bench.send({ type: "page", resourceVersion: "10", continueToken: null });
    bench.send({ type: "opened" });
    expect(bench.core.view()).toMatchObject({ phase: "watching", fault: null });
  });

  test("without an answer is given up after the limit, not before; octets extend it", () => {
    bench.send({ type: "list" });
    expect(bench.wait(ANSWER_LIMIT - 1)).toBeNull();
    bench.send({ type: "progress" });
    expect(bench.wait(ANSWER_LIMIT - 1)).toBeNull();
    expect(bench.wait(1)).toEqual(["abort", "faultChanged"]);
    expect(bench.core.view().fault?.failure.message).toBe("nothing came for 30 s");
  });

  test("with an object without a name is a broken one", () => {
    bench.send({ type: "list" });
    expect(bench.send({ type: "items", items: [{ metadata: {} }] })).toEqual(["abort", "faultChanged"]);
    expect(bench.core.view().fault?.failure.reason).toBe("broken");
  });
});

describe("the watch", () => {
  test("puts and deletes, and resumes where it was", () => {
    bench.listed("a");
    expect(bench.line("ADDED", item("b", "11"))).toEqual(["put ns/b"]);
    expect(bench.line("MODIFIED", item("b", "12"))).toEqual(["put ns/b"]);
    expect(bench.line("DELETED", item("a", "13"))).toEqual(["delete ns/a"]);
    expect(bench.line("DELETED", item("never", "14"))).toEqual([]);
    bench.now += GOOD_LIFE;
    expect(bench.send({ type: "closed" })[0]).toContain("resourceVersion=14");
    expect(bench.core.view()).toMatchObject({ objects: 1, restarts: 0 });
    bench.send({ type: "opened" });
    expect(bench.core.view().restarts).toBe(1);
  });

  test("takes the version of a bookmark", () => {
    bench.listed();
    bench.line("BOOKMARK", { kind: "Service", metadata: { resourceVersion: "99" } });
    bench.now += GOOD_LIFE;
    expect(bench.send({ type: "closed" })[0]).toContain("resourceVersion=99");
  });

  test("that ends within 10 s is followed after a growing pause, one that lived longer at once", () => {
    bench.listed();
    const pauses: number[] = [];
    for (let i = 0; i < 12; i++) {
      bench.send({ type: "closed" });
      const began = bench.now;
      expect(bench.wait()?.[0]).toMatch(/^watch/);
      pauses.push(bench.now - began);
      bench.send({ type: "opened" });
    }
    expect(pauses.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(pauses.at(-1)).toBe(LAST_PAUSE / 2);
    bench.now += GOOD_LIFE;
    expect(bench.send({ type: "closed" })[0]).toMatch(/^watch/);
  });

  test("an event forgets failures before it, a bookmark does not", () => {
    bench.listed();
    const pauseAfter = (type: string): number => {
      for (let i = 0; i < 5; i++) {
        bench.send({ type: "closed" });
        bench.wait();
        bench.send({ type: "opened" });
      }
      bench.line(type, item("x", "11"));
      bench.send({ type: "closed" });
      const began = bench.now;
      bench.wait();
      bench.send({ type: "opened" });
      return bench.now - began;
    };
    expect(pauseAfter("ADDED")).toBe(100);
    expect(pauseAfter("BOOKMARK")).toBeGreaterThan(3000);
  });

  test("that is silent is over: without bookmarks when it should have ended, and the next one goes on", () => {
    bench.listed();
    const without = 450 * 1000 + LATE_CLOSE;
    expect(bench.wait(without - 1)).toBeNull();
    expect(bench.wait(1)).toEqual(["abort", WATCH_10]);
    expect([...bench.core.view().errors]).toEqual([["silence", 1]]);
  });

  test("whose bookmarks cease is followed by a list, once: a restored server is mute up to a version it has yet to reach", () => {
    bench.listed("a", "b");
    bench.line("BOOKMARK", { metadata: { resourceVersion: "11" } });
    expect(bench.wait(SILENCE_LIMIT - 1)).toBeNull();
    expect(bench.wait(1)).toEqual(["abort", "list limit=500"]);
    bench.send({ type: "items", items: [item("a", "3")] });
    expect(bench.send({ type: "page", resourceVersion: "4", continueToken: null })).toEqual([
      "delete ns/b",
      WATCH_10.replace("resourceVersion=10", "resourceVersion=4"),
    ]);
    bench.send({ type: "opened" });
    // a server without bookmarks is not listed for ever
    expect(bench.wait(450 * 1000 + LATE_CLOSE - 1)).toBeNull();
    expect(bench.wait(1)?.[1]).toMatch(/^watch /);
    expect([...bench.core.view().errors]).toEqual([["silence", 2]]);
  });

  test.each([0, 0.999_999])("is asked to end after 300 to 600 s (randomness %d)", (randomness) => {
    bench.randomness = randomness;
    bench.listed();
    bench.now += GOOD_LIFE;
    const [request] = bench.send({ type: "closed" });
    const seconds = Number(new URLSearchParams(request?.slice("watch ".length)).get("timeoutSeconds"));
    expect(seconds).toBe(randomness === 0 ? SHORTEST_WATCH_SECONDS : LONGEST_WATCH_SECONDS - 1);
  });

  test.each([
    ["no JSON", "{"],
    ["an unknown type", '{"type":"RENAMED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}'],
    ["no object", '{"type":"ADDED"}'],
    ["no name", '{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}'],
    ["no version", '{"type":"ADDED","object":{"metadata":{"name":"a"}}}'],
  ])("with %s in a line is broken, and resumes where it was", (_what, text) => {
    bench.listed("a");
    expect(bench.send({ type: "line", text })).toEqual(["abort", "faultChanged"]);
    expect(bench.wait()).toEqual([WATCH_10]);
    expect(bench.store).toEqual(new Set(["ns/a"]));
  });
});

describe("410", () => {
  const gone = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };

  test.each(["as a status", "as an ERROR event"])("%s begins with a list, and deletes nothing by itself", (way) => {
    bench.listed("a");
    bench.now += GOOD_LIFE;
    if (way === "as a status") {
      bench.send({ type: "closed" });
      expect(bench.fail(http(410, "Expired"))).toEqual(["list limit=500"]);
    } else expect(bench.line("ERROR", gone)).toEqual(["abort", "list limit=500"]);
    expect(bench.store).toEqual(new Set(["ns/a"]));
  });

  test("right after an outage is answered at once", () => {
    bench.listed("a");
    bench.fail(localFailure("connection", "reset"));
    for (let i = 0; i < 20; i++) {
      bench.wait();
      bench.fail(localFailure("connection", "refused"));
    }
    bench.wait();
    expect(bench.fail(http(410, "Expired"))).toEqual(["list limit=500"]);
  });

  test("right after each list is no hot loop", () => {
    bench.listed("a");
    let lists = 0;
    while (bench.now < 60_000) {
      if (bench.core.view().phase === "listing") {
        lists++;
        bench.send({ type: "page", resourceVersion: "10", continueToken: null });
      } else if (bench.core.view().phase === "waiting") bench.wait();
      else bench.fail(http(410, "Expired"));
    }
    expect(lists).toBeLessThan(15);
  });

  test.each([
    [http(400, "BadRequest", "invalid resource version")],
    [http(504, "Timeout", "Too large resource version: 10, current: 3")],
  ])("is also understood as $code of a server that never knew our version", (failure) => {
    bench.listed("a");
    bench.now += GOOD_LIFE;
    bench.send({ type: "closed" });
    expect(bench.fail(failure)).toEqual(["list limit=500"]);
  });
});

describe("errors", () => {
  const all: readonly ApiFailure[] = [
    localFailure("connection", "refused"),
    ...[401, 403, 404, 429, 500, 503].map((code) => http(code)),
  ];

  test.each(all)("$code $reason never empties the store, however often it comes", (failure) => {
    bench.listed("a", "b");
    for (let i = 0; i < 50; i++) {
      bench.fail(failure);
      bench.wait();
    }
    expect(bench.store).toEqual(new Set(["ns/a", "ns/b"]));
  });

  test("pauses double from 0.2 s to 30 s, of which a random part is waited", () => {
    bench.send({ type: "list" });
    for (const [randomness, expected] of [
      [0.999_999, [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]],
      [0, [0, 0, 0]],
    ] as const) {
      bench.randomness = randomness;
      for (const pause of expected) {
        bench.fail(http(500));
        const began = bench.now;
        bench.wait();
        expect(bench.now - began).toBeCloseTo(pause, 0);
      }
    }
  });

  test("a watch that lived well forgets what had failed before it", () => {
    bench.randomness = 0.999_999;
    bench.send({ type: "list" });
    for (let i = 0; i < 6; i++) {
      bench.fail(http(500));
      bench.wait();
    }
    bench.listed();
    bench.now += GOOD_LIFE + 1;
    bench.fail(http(500));
    expect(bench.wait(199)).toBeNull();
    expect(bench.wait(1)?.[0]).toMatch(/^watch /);
  });

  test("Retry-After is honoured, and pauses do not end before it", () => {
    bench.send({ type: "list" });
    bench.fail(http(429, "TooManyRequests", "", 7000));
    expect(bench.wait(6999)).toBeNull();
    expect(bench.wait(101)).toEqual(["list limit=500"]);
  });

  test("what lasts keeps its beginning; a watch that stands ends it", () => {
    bench.listed();
    bench.now = 1000;
    expect(bench.fail(http(500, "", "first"))).toEqual(["faultChanged"]);
    bench.wait();
    bench.fail(http(500, "", "second"));
    expect(bench.core.view().fault).toMatchObject({ since: 1000, kind: "trouble", failure: { message: "second" } });
    bench.wait();
    expect(bench.send({ type: "opened" })).toEqual(["faultChanged"]);
    expect(bench.core.view().fault).toBeNull();
    expect([...bench.core.view().errors]).toEqual([["500", 2]]);
  });

  test.each([
    ["wait", 403, false],
    ["without", 403, true],
    ["wait", 404, true],
    ["without", 404, true],
    ["without", 500, false],
    ["without", 401, false],
  ] as const)("a kind to %s for: %d at the first list counts as listed: %s", (ifForbidden, code, isListed) => {
    bench = new Bench(ifForbidden);
    bench.send({ type: "list" });
    expect(bench.fail(http(code)).includes("listed")).toBe(isListed);
  });

  test.each([403, 404])("%d is tried again slowly, and works as soon as it may", (code) => {
    bench.send({ type: "list" });
    bench.fail(http(code));
    expect(bench.wait(SLOW_PAUSE / 2 - 1)).toBeNull();
    expect(bench.wait(SLOW_PAUSE / 2)).toEqual(["list limit=500"]);
    bench.listed("a");
    expect(bench.core.view()).toMatchObject({ phase: "watching", fault: null, objects: 1 });
  });
});

describe("a model server", () => {
  /** Objects with versions, a log of what happened, and a horizon behind which the log is gone. */
  class Model {
    version = 10;
    horizon = 10;
    readonly objects = new Map<string, number>();
    readonly log: { version: number; type: string; name: string }[] = [];

    change(name: string, isGone: boolean): void {
      if (isGone && !this.objects.has(name)) return;
      const type = isGone ? "DELETED" : this.objects.has(name) ? "MODIFIED" : "ADDED";
      this.version++;
      if (isGone) this.objects.delete(name);
      else this.objects.set(name, this.version);
      this.log.push({ version: this.version, type, name });
    }
  }

  type Step =
    | { readonly do: "change"; readonly name: string; readonly isGone: boolean }
    | { readonly do: "serve" | "compact" | "close" | "bookmark" | "tick" }
    | { readonly do: "fail"; readonly failure: ApiFailure };

  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("change" as const),
        name: fc.constantFrom("a", "b", "c", "d", "e"),
        isGone: fc.boolean(),
      }),
    },
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom("serve", "tick") }) as fc.Arbitrary<Step> },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("compact", "close", "bookmark") }) as fc.Arbitrary<Step> },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(500, 401, 403, 404, 429, 410, 0)
        .map((code) => ({ do: "fail" as const, failure: code === 0 ? localFailure("connection", "") : http(code) })),
    },
  );

  test("at rest the store is what the server has, whatever happened before", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const model = new Model();
        const core = new WatchCore({ ifForbidden: "wait", random: { next: () => 0.5 } });
        const store = new Map<string, unknown>();
        let now = 0;
        let request: Extract<WatchAction, { type: "request" }> | null = null;
        let served = 0;
        let snapshot: [string, number][] = [];
        let snapshotVersion = 0;
        const send = (event: WatchEvent): void => {
          for (const action of core.handle(event, Millis(now))) {
            if (action.type === "request") request = action;
            else if (action.type === "put") store.set(action.key, action.object);
            else if (action.type === "delete") store.delete(action.key);
            else if (action.type === "abort") request = null;
          }
        };
        const end = (event: WatchEvent): void => {
          request = null;
          send(event);
        };
        const serve = (): void => {
          if (request === null) return;
          const { query, verb } = request;
          if (verb === "list") {
            if (query.continue === undefined) {
              snapshot = [...model.objects];
              snapshotVersion = model.version;
            } else if (snapshotVersion < model.horizon) {
              end({ type: "failed", failure: http(410, "Expired") });
              return;
            }
            const from = Number(query.continue ?? "0");
            const size = query.limit === undefined ? snapshot.length : 2; // pages are small here
            const items = snapshot.slice(from, from + size).map(([name, v]) => item(name, String(v)));
            send({ type: "items", items });
            const rest = from + size < snapshot.length ? String(from + size) : null;
            end({ type: "page", resourceVersion: String(snapshotVersion), continueToken: rest });
          } else if (core.view().phase === "opening") {
            served = Number(query.resourceVersion);
            if (served < model.horizon) end({ type: "failed", failure: http(410, "Expired") });
            else send({ type: "opened" });
          } else {
            const next = model.log.find((entry) => entry.version > served);
            if (next === undefined) return;
            served = next.version;
            const object = item(next.name, String(next.version));
            send({ type: "line", text: JSON.stringify({ type: next.type, object }) });
          }
        };
        const tick = (): void => {
          const due = core.deadline();
          // a server that answers is not silent for minutes: only pauses are waited for
          if (due !== null && core.view().phase === "waiting") {
            now = due;
            send({ type: "tick" });
          }
        };
        send({ type: "list" });
        for (const s of steps) {
          now += 1;
          if (s.do === "change") model.change(s.name, s.isGone);
          else if (s.do === "serve") serve();
          else if (s.do === "tick") tick();
          else if (s.do === "compact") model.horizon = model.version;
          else if (request === null) continue;
          else if (s.do === "fail") end({ type: "failed", failure: s.failure });
          else if (core.view().phase === "watching" && s.do === "close") end({ type: "closed" });
          else if (core.view().phase === "watching" && model.log.every((entry) => entry.version <= served)) {
            send({ type: "line", text: JSON.stringify({ type: "BOOKMARK", object: item("", String(model.version)) }) });
          }
        }
        for (let i = 0; i < 500; i++) {
          serve();
          tick();
        }
        const wanted = [...model.objects].map(([name, v]) => [`ns/${name}`, item(name, String(v))]);
        expect(Object.fromEntries(store)).toEqual(Object.fromEntries(wanted));
        expect(core.view()).toMatchObject({ phase: "watching", objects: model.objects.size });
      }),
      { numRuns: 300 },
    );
  });
});
