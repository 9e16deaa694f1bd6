// The Lease as it is asked for, at a server that does to it what others might do: whoever loses it is told so before anybody can hold it.
import { expect, test } from "vitest";
import { Leader } from "../../src/app/leader.ts";
import { RENEW_DEADLINE_MS, RETRY_PERIOD_MS } from "../../src/control/election.ts";
import type { ExchangeRequest } from "../../src/kube/exchange.ts";
import type { RawObject } from "../../src/sources/fields.ts";
import { type Answer, failure, TestServer } from "../control/testServer.ts";
import { TestTime } from "../testTime.ts";

const lease = (holder: string, version: number): RawObject => ({
  metadata: { resourceVersion: String(version) },
  spec: { holderIdentity: holder, leaseDurationSeconds: 15 },
});

/** A server with one Lease, and what the leader told, with whether it might write at that moment. */
function stage() {
  const time = new TestTime();
  const told: string[] = [];
  const state: { lease: RawObject | null; version: number; isAway: boolean } = {
    lease: null,
    version: 0,
    isAway: false,
  };
  const during: { create: () => void } = { create: () => {} };
  const answer = ({ method, body }: ExchangeRequest): Answer => {
    if (state.isAway) return null;
    if (method === "GET") return state.lease ?? failure(404);
    if (method === "POST") during.create();
    const isThere = state.lease !== null;
    if (method === "POST" ? isThere : !isThere) return failure(method === "POST" ? 409 : 404);
    const raw = JSON.parse(body?.text ?? "{}") as { metadata: RawObject; spec: RawObject };
    if (method === "PUT" && raw.metadata.resourceVersion !== String(state.version)) return failure(409);
    state.lease = { metadata: { resourceVersion: String(++state.version) }, spec: raw.spec };
    return state.lease;
  };
  const server = new TestServer(answer);
  const leader = new Leader("me", "lease", "home", {
    transport: server,
    clock: time.clock,
    timers: time.timers,
    random: { next: () => 0 },
    elected: () => told.push("elected"),
    lost: () => told.push("lost"),
    looked: () => {},
  });
  return { time, told, state, during, server, leader };
}

test("the one that finds no Lease holds it, and renews it without looking", async () => {
  const { time, told, server, leader } = stage();
  leader.start();
  await time.pass(3 * RETRY_PERIOD_MS);
  expect(told).toEqual(["elected"]);
  expect(server.log).toEqual([
    "GET leases/lease",
    "POST home/leases",
    "PUT leases/lease",
    "PUT leases/lease",
    "PUT leases/lease",
  ]);
});

test("a Lease that somebody deletes is lost before it is asked for anew, so that the next term lists anew", async () => {
  const { time, told, state, during, leader } = stage();
  leader.start();
  await time.pass(RETRY_PERIOD_MS - 1);
  state.lease = null;
  const atCreation: unknown[] = [];
  during.create = () => atCreation.push([...told], leader.mayWrite());
  await time.pass(3 * RETRY_PERIOD_MS);
  expect(atCreation).toEqual([["elected", "lost"], false]);
  expect(told).toEqual(["elected", "lost", "elected"]);
});

test("a Lease that somebody took is lost, and asked for again when it has stood still for its duration", async () => {
  const { time, told, state, leader } = stage();
  leader.start();
  await time.pass(1);
  state.lease = lease("other", ++state.version);
  await time.pass(2 * RETRY_PERIOD_MS);
  expect([told, leader.mayWrite()]).toEqual([["elected", "lost"], false]);
  await time.pass(15_000 + RETRY_PERIOD_MS);
  expect(told).toEqual(["elected", "lost", "elected"]);
});

test("a server that answers no more ends the term at the deadline of the last renewal, not before", async () => {
  const { time, told, state, leader } = stage();
  leader.start();
  await time.pass(1);
  state.isAway = true;
  await time.pass(RENEW_DEADLINE_MS - 2);
  expect([told, leader.mayWrite()]).toEqual([["elected"], true]);
  await time.pass(1);
  expect([told, leader.mayWrite()]).toEqual([["elected", "lost"], false]);
  await time.pass(60_000);
  expect(time.fired).toBeLessThan(200);
  state.isAway = false;
  await time.pass(10_000);
  expect(told).toEqual(["elected", "lost", "elected"]);
});

test("a stop gives the Lease back, and tells nobody anything more", async () => {
  const { time, told, state, leader } = stage();
  leader.start();
  await time.pass(1);
  await leader.stop();
  expect(state.lease?.spec).toMatchObject({ holderIdentity: "" });
  await time.pass(60_000);
  expect(told).toEqual(["elected"]);
});
