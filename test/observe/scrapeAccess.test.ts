// Who gets the metrics, under a virtual clock: what is asked, what is remembered for how long, and what a flood costs.
import { beforeEach, describe, expect, test } from "vitest";
import { Millis } from "../../src/kernel/units.ts";
import { ACCESS_LIMITS, ScrapeAccess, type Verdict } from "../../src/observe/scrapeAccess.ts";

const ALLOWED: Verdict = { type: "allowed" };
const FORBIDDEN: Verdict = { type: "forbidden", user: "bob" };
const UNKNOWN: Verdict = { type: "unauthenticated" };
const UNAVAILABLE = { type: "unavailable" };

let now = 0;
let asked: string[] = [];
let failures: unknown[] = [];
let late: (() => void)[] = [];
/** By token; absent: the API server is away. */
let verdicts: Record<string, Verdict | Promise<Verdict>> = {};
let access: ScrapeAccess;
beforeEach(() => {
  [now, asked, failures, late, verdicts] = [0, [], [], [], { good: ALLOWED, bob: FORBIDDEN, bad: UNKNOWN }];
  access = new ScrapeAccess({
    clock: { now: () => Millis(now), wall: () => now },
    timers: {
      after: (_delay, run) => {
        late.push(run);
        return { cancel: () => void late.splice(late.indexOf(run), 1) };
      },
    },
    review: async (token) => {
      asked.push(token);
      const verdict = verdicts[token];
      if (verdict === undefined) throw new Error("away");
      return verdict;
    },
    failed: (error) => void failures.push(error),
  });
});
const admit = (token: string) => access.admit(`Bearer ${token}`);

describe("a scraper", () => {
  test.each(["", "Bearer", "Bearer  ", "Basic Z29vZA==", "good", "Bearer good twice"])(
    "with %j shows no token, and nobody is asked",
    async (header) => {
      expect(await access.admit(header)).toEqual(UNKNOWN);
      expect(asked).toEqual([]);
    },
  );

  test.each<[string, Verdict]>([
    ["good", ALLOWED],
    ["bob", FORBIDDEN],
    ["bad", UNKNOWN],
  ])("with token %s gets the word of the review", async (token, verdict) => {
    expect(await admit(token)).toEqual(verdict);
    expect(late, "no timer is left").toEqual([]);
  });

  test("with any case of the scheme is heard", async () => {
    expect(await access.admit("bearer good")).toEqual(ALLOWED);
  });
});

describe("a word is remembered", () => {
  test.each([
    ["good", ACCESS_LIMITS.allowedFor],
    ["bob", ACCESS_LIMITS.refusedFor],
    ["bad", ACCESS_LIMITS.refusedFor],
  ])("of %s for %d ms, not longer", async (token, limit) => {
    await admit(token);
    now = limit - 1;
    await admit(token);
    expect(asked).toEqual([token]);
    now = limit;
    await admit(token);
    expect(asked).toEqual([token, token]);
  });

  test("and replaced by its opposite", async () => {
    await admit("good");
    verdicts.good = UNKNOWN;
    now = ACCESS_LIMITS.allowedFor;
    expect(await admit("good")).toEqual(UNKNOWN);
    delete verdicts.good;
    now += ACCESS_LIMITS.refusedFor;
    expect(await admit("good"), "what was good before it was refused counts no more").toEqual(UNAVAILABLE);
  });
});

describe("the API server is away", () => {
  test("a good token stays good for a while, any other is told to come again", async () => {
    await admit("good");
    await admit("bad");
    verdicts = {};
    now = ACCESS_LIMITS.allowedWithoutReview - 1;
    expect(await admit("good")).toEqual(ALLOWED);
    expect(await admit("bad")).toEqual(UNAVAILABLE);
    expect(await admit("new")).toEqual(UNAVAILABLE);
    now++;
    expect(await admit("good")).toEqual(UNAVAILABLE);
    expect(failures.map(String)).toEqual(Array(4).fill("Error: away"));
  });

  test("a review that takes too long counts as none", async () => {
    verdicts.good = new Promise<Verdict>(() => {});
    const answer = admit("good");
    await Promise.resolve();
    for (const run of [...late]) run();
    expect(await answer).toEqual(UNAVAILABLE);
    expect(String(failures[0])).toBe("Error: no answer within 5 s");
  });
});

describe("strangers", () => {
  test("get so many reviews at a time and no more; one who asks twice gets one", async () => {
    let answer: (verdict: Verdict) => void = () => {};
    const held = new Promise<Verdict>((resolve) => {
      answer = resolve;
    });
    const names = Array.from({ length: ACCESS_LIMITS.reviews + 5 }, (_, i) => `t${i}`);
    for (const name of names) verdicts[name] = held;
    const answers = [...names, "t0"].map(admit);
    answer(UNKNOWN);
    const types = (await Promise.all(answers)).map((a) => a.type);
    expect(types.filter((t) => t === "unavailable")).toHaveLength(5);
    expect(asked).toHaveLength(ACCESS_LIMITS.reviews);
  });

  test("do not drive out what is known of a good token, and their own words are forgotten, the oldest first", async () => {
    await admit("good");
    for (let i = 0; i <= ACCESS_LIMITS.tokens; i++) {
      verdicts[`t${i}`] = UNKNOWN;
      await admit(`t${i}`);
    }
    asked = [];
    await admit("good");
    await admit("t1");
    expect(asked).toEqual([]);
    await admit("t0");
    expect(asked).toEqual(["t0"]);
  });
});
