import { describe, expect, test } from "vitest";
import { BFD_STATES, type BfdState, DIAG } from "../../src/bfd/protocol.ts";
import { STATE_TABLE } from "../../src/bfd/stateTable.ts";
import { RawPeer } from "./rawPeer.ts";
import { A, arrivalFrom, B, every, profile, single, upsert } from "./sim.ts";

/** A session in that state, by packets alone. */
function inState(state: BfdState): RawPeer {
  if (state === "Up") return new RawPeer().bringUp();
  const peer = new RawPeer({ isAdminDown: state === "AdminDown" });
  if (state === "Init") peer.say({ state: "Down", yourDiscr: 0 });
  peer.wait(1);
  peer.forget();
  expect(peer.state).toBe(state);
  return peer;
}

// ours, received, next, our diagnostic afterwards (null: what it was)
const PAIRS: readonly (readonly [BfdState, BfdState, BfdState, number | null])[] = [
  ["AdminDown", "AdminDown", "AdminDown", null],
  ["AdminDown", "Down", "AdminDown", null],
  ["AdminDown", "Init", "AdminDown", null],
  ["AdminDown", "Up", "AdminDown", null],
  ["Down", "AdminDown", "Down", null],
  ["Down", "Down", "Init", null],
  ["Down", "Init", "Up", 0],
  ["Down", "Up", "Down", null],
  ["Init", "AdminDown", "Down", 3],
  ["Init", "Down", "Init", null],
  ["Init", "Init", "Up", 0],
  ["Init", "Up", "Up", 0],
  ["Up", "AdminDown", "Down", 3],
  ["Up", "Down", "Down", 3],
  ["Up", "Init", "Up", null],
  ["Up", "Up", "Up", null],
];

describe("the state machine", () => {
  test.each(PAIRS)("C-209 C-210 C-211 C-212 %s hears %s: %s, diagnostic %s", (ours, heard, next, diag) => {
    const peer = inState(ours);
    const before = peer.status.localDiag;
    expect(peer.say({ state: heard })).toBe(null);
    expect(peer.status).toMatchObject({ state: next, localDiag: diag ?? before, remoteState: heard });
    // C-217: what changed is said at once, what did not is not
    expect(peer.sent.map((s) => [s.at, s.packet.state])).toEqual(ours === next ? [] : [[peer.now, next]]);
    expect(peer.changes().map((c) => [c.from, c.to])).toEqual(ours === next ? [] : [[ours, next]]);
  });

  test("C-209 the table has a cell for every pair", () => {
    expect(PAIRS.length).toBe(16);
    for (const ours of BFD_STATES) for (const heard of BFD_STATES) expect(STATE_TABLE[ours][heard]).toBeDefined();
  });

  test("C-213 silence for exactly the detection time ends an Up session, and forgets what the peer said", () => {
    const peer = new RawPeer().bringUp();
    peer.say({});
    const heardAt = peer.now;
    peer.wait(899_999);
    expect(peer.state).toBe("Up");
    peer.wait(1);
    expect(peer.status).toMatchObject({
      state: "Down",
      localDiag: DIAG.detectionTimeExpired,
      remoteDiscr: 0,
      remoteState: "Down",
      remoteRequiredMinRxInterval: 1,
      detectionTime: null,
    });
    expect(peer.changes()).toMatchObject([
      {
        from: "Up",
        to: "Down",
        reason: "detectionTimeExpired",
        at: heardAt + 900_000,
        localDiag: 1,
        users: ["peer-a"],
      },
    ]);
    expect(peer.last).toMatchObject({ state: "Down", diag: 1, yourDiscr: 0, desiredMinTxInterval: 1_000_000 });
  });

  test("C-213 the same in Init", () => {
    const peer = inState("Init");
    peer.wait(2_999_998);
    expect(peer.state).toBe("Init");
    peer.wait(1);
    expect(peer.status).toMatchObject({ state: "Down", localDiag: 1, remoteDiscr: 0 });
  });

  test("C-214 silence in Down forgets the peer's discriminator, and is no change of state", () => {
    const peer = new RawPeer().bringUp();
    peer.say({ state: "Down" });
    peer.say({ state: "AdminDown", desiredMinTxInterval: 1_000_000 });
    peer.events.length = 0;
    peer.wait(2_999_999);
    expect(peer.status.remoteDiscr).toBe(peer.template.myDiscr);
    peer.wait(1);
    expect(peer.status).toMatchObject({ state: "Down", remoteDiscr: 0, localDiag: 3 });
    expect(peer.events).toEqual([]);
  });

  test("C-215 a peer that starts again with another discriminator takes us down at once, and we come back", () => {
    const peer = new RawPeer().bringUp();
    peer.wait(100);
    peer.template = { ...peer.template, myDiscr: 0xcafe };
    peer.say({ state: "Down", yourDiscr: 0 });
    expect(peer.status).toMatchObject({ state: "Down", localDiag: 3, remoteDiscr: 0xcafe });
    expect(peer.last).toMatchObject({ state: "Down", yourDiscr: 0xcafe });
    peer.say({ state: "Down" });
    peer.say({ state: "Init" });
    expect(peer.state).toBe("Up");
    expect(peer.status.counters).toMatchObject({ upEvents: 2, downEvents: 1 });
  });

  test("C-217 twenty changes in one moment are answered, the later ones together", () => {
    const peer = new RawPeer().bringUp();
    for (let i = 0; i < 20; i++) {
      peer.say({ state: "Down" });
      peer.say({ state: "Down" });
      peer.say({ state: "Init" });
    }
    expect(peer.state).toBe("Up");
    expect(peer.sent.length).toBeLessThanOrEqual(9);
    peer.wait(11_000);
    expect(peer.last.state).toBe("Up");
  });

  test("C-219 the passive side is silent until it is spoken to, and again after it has forgotten the peer", () => {
    const peer = new RawPeer({ profile: profile({ passiveMode: true }) });
    peer.wait(60_000_000);
    expect(peer.sent).toEqual([]);
    peer.say({ state: "Down", yourDiscr: 0 });
    expect(peer.last.state).toBe("Init");
    peer.wait(2_000_000);
    expect(peer.sent.length).toBeGreaterThan(2);
    peer.wait(2_000_000);
    peer.forget();
    peer.wait(60_000_000);
    expect(peer.sent).toEqual([]);
    expect(peer.status).toMatchObject({ state: "Down", localDiag: 1 });
  });

  test("C-220 a session that nobody wants says AdminDown for a detection time of the peer, then nothing", () => {
    const peer = new RawPeer().bringUp();
    peer.do({ type: "remove", user: "peer-a", address: single(B) });
    const start = peer.now;
    expect(peer.sent).toMatchObject([{ at: start, packet: { state: "AdminDown", diag: 7 } }]);
    peer.keepSaying({ state: "Down" }, 500_000, 5);
    expect(peer.engine.sessionCount).toBe(1);
    peer.wait(60_000_000);
    expect(peer.engine.sessionCount).toBe(0);
    expect(peer.sent.every((s) => s.packet.state === "AdminDown")).toBe(true);
    // the peer counts three of our slow intervals from the last packet on
    const [first, last] = [peer.sent[0]?.at ?? 0, peer.sent.at(-1)?.at ?? 0];
    expect(last - first).toBeGreaterThan(1_999_999);
    expect(last - first).toBeLessThanOrEqual(3_000_000);
    expect(peer.events.at(-1)).toEqual({ type: "removed", key: `${B}/single` });
    expect(peer.calls.at(-1)).toBe(`closed ${B}/single`);
    expect(peer.say.bind(peer, { yourDiscr: 1 })).toThrow("no session");
  });

  test("C-220 a farewell ends in a minute even when the peer asked for hours between packets", () => {
    const peer = new RawPeer().bringUp();
    peer.say({ requiredMinRxInterval: 0xffff_ffff });
    peer.do({ type: "remove", user: "peer-a", address: single(B) });
    peer.wait(60_000_000);
    expect(peer.engine.sessionCount).toBe(0);
  });

  test("C-220 a session wanted again during its farewell comes back with the same discriminator", () => {
    const peer = new RawPeer().bringUp();
    const discr = peer.localDiscr;
    peer.do({ type: "remove", user: "peer-a", address: single(B) });
    peer.wait(1_000_000);
    peer.do(upsert(single(B)));
    expect(peer.status).toMatchObject({ state: "Down", localDiag: 0, localDiscr: discr });
    peer.say({ state: "Down" });
    peer.say({ state: "Init" });
    peer.keepSaying({ state: "Up" }, 300_000, 30);
    expect(peer.status).toMatchObject({ state: "Up", users: ["peer-a"] });
  });

  test("AdminDown by configuration is said for as long as it lasts, and undone by configuration", () => {
    const peer = new RawPeer().bringUp();
    peer.do(upsert(single(B), { isAdminDown: true }));
    expect(peer.changes()).toMatchObject([{ from: "Up", to: "AdminDown", reason: "adminDown", localDiag: 7 }]);
    peer.forget();
    peer.keepSaying({ state: "Down" }, 300_000, 100);
    expect(peer.sent.length).toBeGreaterThan(29);
    expect(peer.state).toBe("AdminDown");
    peer.do(upsert(single(B)));
    expect(peer.changes()).toMatchObject([{ from: "AdminDown", to: "Down", reason: "adminUp", localDiag: 0 }]);
  });

  const downs: readonly (readonly [string, (p: RawPeer) => void, string, number])[] = [
    ["the peer says Down", (p) => p.say({ state: "Down", diag: 1 }), "peerDown", 3],
    ["the peer says AdminDown", (p) => p.say({ state: "AdminDown", diag: 7 }), "peerAdminDown", 3],
    ["silence", (p) => p.wait(900_000), "detectionTimeExpired", 1],
    ["we are told so", (p) => p.do(upsert(single(B), { isAdminDown: true })), "adminDown", 7],
  ];
  test.each(downs)("C-247 the reason of a Down tells BGP what to make of it: %s", (_what, act, reason, localDiag) => {
    const peer = new RawPeer().bringUp();
    act(peer);
    expect(peer.changes()).toMatchObject([{ from: "Up", reason, localDiag }]);
  });

  test("a link that goes down takes the single-hop sessions that live on it with it at once, and no others", () => {
    const peer = new RawPeer(null);
    const C = "192.0.2.3";
    peer.do({ type: "interface", name: "eth0", index: 7, isUp: true });
    peer.do(upsert(single(A, { interface: "eth0" })), upsert(single(B)), upsert(single(C)));
    for (const [source, interfaceIndex] of [
      [A, 7],
      [B, 7],
      [C, 8],
    ] as const) {
      const yourDiscr = peer.engine.status().find((s) => s.address.peer === source)?.localDiscr ?? 0;
      peer.say({ state: "Init", yourDiscr }, arrivalFrom(source, { interfaceIndex }));
    }
    peer.do({ type: "interface", name: "eth0", index: 7, isUp: false });
    expect(peer.engine.status().map((s) => [s.address.peer, s.state, s.localDiag])).toEqual([
      [A, "Down", DIAG.pathDown],
      [B, "Down", DIAG.pathDown],
      [C, "Up", 0],
    ]);
    expect(peer.changes().filter((c) => c.to === "Down")).toMatchObject([
      { reason: "pathDown" },
      { reason: "pathDown" },
    ]);
  });

  test("C-221 flaps are counted, and the last transitions kept with both diagnostics", () => {
    const peer = new RawPeer({ profile: every(50) }).bringUp();
    for (let i = 0; i < 5; i++) {
      peer.wait(100_000);
      peer.say({ state: "Down", diag: 1 });
      peer.say({ state: "Down" });
      peer.say({ state: "Init" });
    }
    const { counters, transitions, localDiag, remoteDiag } = peer.status;
    expect(counters).toMatchObject({ upEvents: 6, downEvents: 5 });
    expect([localDiag, remoteDiag]).toEqual([0, 0]);
    expect(transitions.length).toBe(8);
    expect(transitions.at(-3)).toMatchObject({
      from: "Up",
      to: "Down",
      reason: "peerDown",
      localDiag: 3,
      remoteDiag: 1,
    });
  });
});
