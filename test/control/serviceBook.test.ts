// What is written of Services and pools, and in which order: whatever the allocator wants and whenever a crash comes, the API server never has
// one address with two Services that are not to share it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { poolPatch } from "../../src/control/poolStatus.ts";
import { ServiceBook } from "../../src/control/serviceBook.ts";
import { POOL_ANNOTATION, type WantedStatus } from "../../src/control/serviceStatus.ts";
import { formatJson } from "../../src/kube/json.ts";
import type { RawObject } from "../../src/sources/fields.ts";

const service = (version: number, ips: readonly string[], pool: string | null): RawObject => ({
  metadata: {
    uid: "u",
    resourceVersion: String(version),
    annotations: pool === null ? {} : { [POOL_ANNOTATION]: pool },
  },
  status: { loadBalancer: ips.length === 0 ? {} : { ingress: ips.map((ip) => ({ ip, ipMode: "VIP" })) } },
});

const wanted = (...ips: readonly string[]): WantedStatus => ({ ips, pool: ips.length === 0 ? null : "p" });

function bookOf(wants: Readonly<Record<string, WantedStatus>>): ServiceBook {
  return new ServiceBook((key) => wants[key] ?? null);
}

describe("the status of a Service", () => {
  test("is written in one merge patch with the annotation, made from the version that was decided from", () => {
    const book = bookOf({ a: wanted("192.0.2.1", "2001:db8::1") });
    book.seen("a", service(7, [], null));
    expect(book.next("a")).toEqual({
      metadata: { resourceVersion: "7", annotations: { [POOL_ANNOTATION]: "p" } },
      status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }] } },
    });
  });

  test("is cleared by taking the annotation and the list away", () => {
    const book = bookOf({ a: wanted() });
    book.seen("a", service(7, ["192.0.2.1"], "p"));
    expect(book.next("a")).toEqual({
      metadata: { resourceVersion: "7", annotations: { [POOL_ANNOTATION]: null } },
      status: { loadBalancer: { ingress: null } },
    });
  });

  test("is not written when it is as it should be, whatever the API server added", () => {
    const book = bookOf({ a: wanted("192.0.2.1"), b: wanted() });
    book.seen("a", service(7, ["192.0.2.1"], "p"));
    book.seen("b", service(8, [], null));
    expect([book.next("a"), book.next("b"), book.next("nobody")]).toEqual([null, null, null]);
  });

  test("is believed to be older again once the watch has caught up: the server was restored from a backup", () => {
    const book = bookOf({ a: wanted("192.0.2.1") });
    book.seen("a", service(7, [], null));
    book.answered("a", service(9, ["192.0.2.1"], "p"));
    book.seen("a", service(7, [], null));
    expect(book.next("a"), "the watch is late").toBeNull();
    book.seen("a", service(9, ["192.0.2.1"], "p"));
    book.answered("a", service(9, ["192.0.2.1"], "p"));
    book.seen("a", service(5, [], null));
    expect(book.next("a")).toMatchObject({ metadata: { resourceVersion: "5" } });
  });

  test("is compared with the newest version: a late word of the watch undoes nothing", () => {
    const book = bookOf({ a: wanted("192.0.2.1") });
    book.seen("a", service(7, [], null));
    book.answered("a", service(9, ["192.0.2.1"], "p"));
    book.seen("a", service(8, [], null));
    expect(book.next("a")).toBeNull();
    book.seen("a", null);
    book.answered("a", service(10, ["192.0.2.1"], "p"));
    expect(book.get("a")).toBeUndefined();
  });

  test("waits for an address until the API server has it with nobody who is to lose it", () => {
    const book = bookOf({ loser: wanted(), winner: wanted("192.0.2.1") });
    book.seen("loser", service(1, ["192.0.2.1"], "p"));
    book.seen("winner", service(2, [], null));
    expect(book.next("winner")).toBeNull();
    expect(book.isPending("winner")).toBe(true);
    expect(book.answered("loser", service(3, [], null))).toEqual(["winner"]);
    expect(book.next("winner")).not.toBeNull();
  });

  test("of two that share an address is not held up by the other", () => {
    const book = bookOf({ a: wanted("192.0.2.1"), b: wanted("192.0.2.1") });
    book.seen("a", service(1, ["192.0.2.1"], "p"));
    book.seen("b", service(2, [], null));
    expect(book.next("b")).not.toBeNull();
  });

  test("comes to what is wanted, and never gives one address to two on the way, in whatever order writes are done", () => {
    const names = ["a", "b", "c", "d", "e"];
    const permutation = fc.shuffledSubarray(["1", "2", "3", "4", "5", "6"], { minLength: 5, maxLength: 5 });
    const subset = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(
        permutation,
        permutation,
        subset,
        subset,
        fc.infiniteStream(fc.nat(4)),
        (from, to, has, wants, turns) => {
          const targets = Object.fromEntries(
            names.map((n, i) => [n, wants[i] === true ? wanted(to[i] ?? "") : wanted()]),
          );
          const server = new Map(names.map((n, i) => [n, has[i] === true ? [from[i] ?? ""] : []]));
          const book = bookOf(targets);
          for (const [name, ips] of server) book.seen(name, service(1, ips, ips.length === 0 ? null : "p"));
          for (let version = 2; version < 60; version++) {
            const name = names[turns.next().value] ?? "a";
            const body = book.next(name) as { status: { loadBalancer: { ingress: { ip: string }[] | null } } } | null;
            if (body === null) continue;
            const ips = (body.status.loadBalancer.ingress ?? []).map(({ ip }) => ip);
            server.set(name, ips);
            const all = [...server.values()].flat();
            expect(new Set(all).size).toBe(all.length);
            book.answered(name, service(version, ips, ips.length === 0 ? null : "p"));
          }
          for (let i = 0; i < 3; i++) {
            for (const name of names) {
              const body = book.next(name) as { status: { loadBalancer: { ingress: { ip: string }[] | null } } } | null;
              const ips = (body?.status.loadBalancer.ingress ?? []).map(({ ip }) => ip);
              if (body !== null) book.answered(name, service(100 + i, ips, ips.length === 0 ? null : "p"));
            }
          }
          for (const name of names) expect(book.get(name)?.ingress).toEqual(targets[name]?.ips);
        },
      ),
    );
  });
});

describe("the status of a pool", () => {
  const counters = (capacity: bigint, assigned = 1) => ({
    pool: "p",
    services: 1,
    assigned: { 4: 0, 6: assigned },
    capacity: { 4: 0n, 6: capacity },
  });

  test("is written digit by digit, also where numbers would be rounded", () => {
    const body = poolPatch(counters(2n ** 63n - 1n), undefined);
    expect(formatJson(body)).toBe(
      '{"status":{"assignedIPv4":0,"assignedIPv6":1,"availableIPv4":0,"availableIPv6":9223372036854775806}}',
    );
  });

  test("is not written for a count that was rounded in reading, and is for any change", () => {
    const stored = JSON.parse(
      '{"assignedIPv4":0,"assignedIPv6":1,"availableIPv4":0,"availableIPv6":9223372036854775806}',
    ) as unknown;
    expect(poolPatch(counters(2n ** 63n - 1n), stored)).toBeNull();
    expect(poolPatch(counters(2n ** 63n - 1n, 2), stored)).not.toBeNull();
  });
});

test("text for the API server is JSON, with bigints as integers and without what is undefined", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(formatJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  expect(formatJson({ a: undefined, b: [1n, null, "x"] })).toBe('{"b":[1,null,"x"]}');
});
