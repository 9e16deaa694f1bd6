// The Lease between controllers: who may take it when, and until when its holder may write. Several elections share one Lease here, each
// with a clock that runs as it likes.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Election, LEASE_DURATION_SECONDS, RENEW_DEADLINE_MS } from "../../src/control/election.ts";
import { Millis } from "../../src/kernel/units.ts";
import type { RawObject } from "../../src/sources/fields.ts";

/** One Lease with optimistic concurrency. */
class LeaseServer {
  #version = 0;
  stored: RawObject | null = null;

  put(body: RawObject): RawObject | null {
    const { resourceVersion } = body.metadata as { readonly resourceVersion?: string };
    const current = (this.stored?.metadata as { readonly resourceVersion?: string } | undefined)?.resourceVersion;
    if (resourceVersion !== current) return null;
    this.#version++;
    this.stored = { ...body, metadata: { ...(body.metadata as RawObject), resourceVersion: String(this.#version) } };
    return this.stored;
  }
}

const WALL = Date.UTC(2026, 0, 1);
const elect = (name: string): Election => new Election(name, "vipcast-controller", "metallb-system");

/** A look and a step, the answer to which takes no time. */
function round(election: Election, server: LeaseServer, now: number): void {
  const at = Millis(now);
  if (election.mustLook) election.saw(server.stored, at);
  const step = election.next(at, WALL + now);
  if (step.type === "wait") return;
  const answer = server.put(step.body);
  if (answer === null) election.refused();
  else election.wrote(answer, at, at);
}

describe("a Lease", () => {
  test("has the fields that client-go writes", () => {
    const server = new LeaseServer();
    round(elect("a"), server, 0);
    expect(server.stored).toMatchObject({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      spec: {
        holderIdentity: "a",
        leaseDurationSeconds: 15,
        acquireTime: "2026-01-01T00:00:00.000000Z",
        renewTime: "2026-01-01T00:00:00.000000Z",
        leaseTransitions: 0,
      },
    });
  });

  test("keeps its times of acquisition while it is renewed, and counts each change of holder", () => {
    const server = new LeaseServer();
    const [a, b] = [elect("a"), elect("b")];
    round(a, server, 0);
    round(a, server, 2_000);
    expect(server.stored).toMatchObject({
      spec: {
        acquireTime: "2026-01-01T00:00:00.000000Z",
        renewTime: "2026-01-01T00:00:02.000000Z",
        leaseTransitions: 0,
      },
    });
    server.put(a.release(WALL + 3_000) ?? {});
    expect(server.stored).toMatchObject({ spec: { holderIdentity: "", leaseDurationSeconds: 1 } });
    round(b, server, 3_000);
    expect(b.mayWrite(Millis(3_000))).toBe(true);
    expect(server.stored).toMatchObject({ spec: { holderIdentity: "b", leaseTransitions: 1 } });
  });

  test("is taken when it has not changed for its duration under the taker's eyes, not before", () => {
    const server = new LeaseServer();
    const [a, b] = [elect("a"), elect("b")];
    round(a, server, 0);
    round(b, server, 5_000); // sees it for the first time
    round(b, server, 5_000 + LEASE_DURATION_SECONDS * 1000 - 1);
    expect(b.mayWrite(Millis(19_999))).toBe(false);
    round(b, server, 5_000 + LEASE_DURATION_SECONDS * 1000);
    expect(b.mayWrite(Millis(20_000))).toBe(true);
    expect(server.stored).toMatchObject({ spec: { holderIdentity: "b", leaseTransitions: 1 } });
  });

  test("ends for its holder a deadline after the last renewal was sent, also when the answer took its time", () => {
    const a = elect("a");
    const server = new LeaseServer();
    a.saw(null, Millis(0));
    const step = a.next(Millis(1_000), WALL);
    const answer = step.type === "wait" ? null : server.put(step.body);
    a.wrote(answer ?? {}, Millis(1_000), Millis(4_000));
    expect(a.mayWrite(Millis(1_000 + RENEW_DEADLINE_MS - 1))).toBe(true);
    expect(a.mayWrite(Millis(1_000 + RENEW_DEADLINE_MS))).toBe(false);
  });

  test("that somebody else took is lost at the next look", () => {
    const server = new LeaseServer();
    const [a, b] = [elect("a"), elect("b")];
    round(a, server, 0);
    round(b, server, 0);
    round(b, server, 15_000);
    round(a, server, 15_000); // refused
    round(a, server, 15_001);
    expect(a.mayWrite(Millis(15_001))).toBe(false);
    expect(a.holder).toBe("b");
  });

  test("whose renewal was done although no answer came is ours still", () => {
    const server = new LeaseServer();
    const a = elect("a");
    round(a, server, 0);
    const lost = a.next(Millis(2_000), WALL);
    if (lost.type !== "wait") server.put(lost.body);
    round(a, server, 4_000); // refused: the version is another one
    expect(a.mayWrite(Millis(4_000))).toBe(true);
    round(a, server, 4_000);
    expect(a.mayWrite(Millis(13_999))).toBe(true);
  });

  test("without sense in it is free, and another process that renews it is a rival", () => {
    const server = new LeaseServer();
    server.stored = { metadata: { resourceVersion: "0" }, spec: { holderIdentity: 7 } };
    const a = elect("a");
    a.saw(server.stored, Millis(0));
    expect(a.next(Millis(0), WALL).type).toBe("update");
    const b = elect("b");
    const seen = (version: string): RawObject => ({
      metadata: { resourceVersion: version },
      spec: { holderIdentity: "c", leaseDurationSeconds: 15 },
    });
    b.saw(seen("1"), Millis(0));
    expect(b.hasRival).toBe(false);
    b.saw(seen("2"), Millis(2_000));
    expect(b.hasRival).toBe(true);
  });

  test("is never believed to be held by two, whatever their clocks say and whenever they look", () => {
    const rounds = fc.array(fc.tuple(fc.nat(2), fc.nat(6_000), fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(rounds, fc.array(fc.nat(1e9), { minLength: 3, maxLength: 3 }), (script, offsets) => {
        const server = new LeaseServer();
        const all = offsets.map((offset, i) => ({ election: elect(`e${i}`), offset }));
        let now = 0;
        for (const [who, pause, isDeaf] of script) {
          now += pause;
          const one = all[who];
          if (one !== undefined && !isDeaf) round(one.election, server, now + one.offset);
          const holders = all.filter(({ election, offset }) => election.mayWrite(Millis(now + offset)));
          expect(holders.length).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});
