import { describe, expect, test } from "vitest";
import { type BfdEvent, SESSION_COUNTERS } from "../../src/bfd/protocol.ts";
import { RawPeer } from "./rawPeer.ts";
import { A, B, every, MS, profile, SECOND, single, upsert } from "./sim.ts";

const conflicts = (peer: RawPeer): readonly BfdEvent[] => peer.events.filter((e) => e.type === "conflict");

describe("who wants a session", () => {
  test("C-244 users of the same peer share one session, and the last one to go ends it", () => {
    const peer = new RawPeer(null);
    for (const user of ["b", "a", "c", "a"]) peer.do(upsert(single(B), { user }));
    expect(peer.engine.sessionCount).toBe(1);
    expect(peer.status.users).toEqual(["a", "b", "c"]);
    expect(conflicts(peer)).toEqual([]);
    for (const user of ["a", "c", "stranger"]) peer.do({ type: "remove", user, address: single(B) });
    expect(peer.status).toMatchObject({ users: ["b"], state: "Down" });
    peer.do({ type: "remove", user: "b", address: single(B) });
    expect(peer.engine.sessionCount).toBe(0);
    expect(peer.events.map((e) => e.type)).toEqual(["stateChanged", "removed"]);
  });

  test("C-244 interface, hop kind, VRF and family make sessions different; the profile does not", () => {
    const peer = new RawPeer(null);
    const all = [
      single(B),
      single(B, { interface: "eth0" }),
      single(B, { hop: "multi" }),
      single(B, { vrf: "red" }),
      single("2001:db8::2"),
    ];
    peer.do(...all.map((address) => upsert(address)), ...all.map((address) => upsert(address, { profile: every(50) })));
    expect(peer.engine.status().map((s) => s.key)).toEqual([
      `${B}/single`,
      `${B}%eth0/single`,
      `${B}/multi`,
      `${B}@red/single`,
      "2001:db8::2/single",
    ]);
    expect(new Set(peer.handles.map((h) => h.id)).size).toBe(5);
  });

  test("C-244 of two profiles the one of the lowest user is used, whoever came first, and the conflict is told once", () => {
    for (const order of [
      ["a", "b"],
      ["b", "a"],
    ]) {
      const peer = new RawPeer(null);
      const wish = (user: string) => upsert(single(B), { user, profile: every(user === "a" ? 50 : 300) });
      for (const user of [...order, ...order]) peer.do(wish(user));
      peer.bringUp();
      peer.wait(10 * MS);
      expect(peer.status.desiredMinTxInterval).toBe(50 * MS);
    }
  });

  test("C-244 the conflict names who is kept, who is not, and in what; it ends when they agree", () => {
    const peer = new RawPeer(null);
    peer.do(upsert(single(B), { user: "b", profile: every(300) }));
    peer.do(upsert(single(B), { user: "a", profile: every(50), local: A }));
    peer.do(upsert(single(B), { user: "a", profile: every(50), local: A }));
    const fields = ["profile.desiredMinTxInterval", "profile.requiredMinRxInterval", "local"];
    const told = { type: "conflict", key: `${B}/single`, kept: "a", ignored: [{ user: "b", fields }] };
    expect(conflicts(peer)).toEqual([told]);
    expect(peer.status.local).toBe(A);
    peer.do({ type: "remove", user: "a", address: single(B) });
    expect(conflicts(peer)).toEqual([told, { ...told, kept: "b", ignored: [] }]);
    expect(peer.status.local).toBe(null);
    expect(peer.calls.filter((c) => c.startsWith("rebound")).length).toBe(2);
  });

  test("C-244 a session is AdminDown while every user says so", () => {
    const peer = new RawPeer(null);
    peer.do(upsert(single(B), { user: "a", isAdminDown: true }), upsert(single(B), { user: "b" }));
    expect(peer.state).toBe("Down");
    peer.do(upsert(single(B), { user: "b", isAdminDown: true }));
    expect(peer.state).toBe("AdminDown");
  });

  test("impossible values are refused by name; a session keeps its last good profile", () => {
    const peer = new RawPeer().bringUp();
    const before = peer.status;
    const bad = { ...every(9), detectMult: 0, minimumTtl: 255 };
    peer.do(upsert(single(B), { profile: bad }), upsert(single(A), { profile: bad }));
    peer.do(upsert(single("nonsense"), { local: "1.2.3" }));
    const paths = peer.events.map((e) => (e.type === "refused" ? e.faults.map((f) => f.path) : []));
    const profilePaths = ["desiredMinTxInterval", "requiredMinRxInterval", "detectMult", "minimumTtl"];
    expect(paths).toEqual([
      profilePaths.map((p) => `profile.${p}`),
      profilePaths.map((p) => `profile.${p}`),
      ["address.peer", "local"],
    ]);
    expect(peer.engine.status()).toEqual([before]);
  });

  test("C-245 sockets open before the first packet of a session and close after its last", () => {
    const peer = new RawPeer(null);
    const key = `${B}/single`;
    peer.do(upsert(single(B)));
    peer.say({ state: "Down", yourDiscr: 0 });
    peer.do({ type: "remove", user: "peer-a", address: single(B) });
    peer.wait(60 * SECOND);
    expect(peer.calls[0]).toBe(`opened ${key}`);
    expect(peer.calls.at(-1)).toBe(`closed ${key}`);
    expect(peer.calls.filter((c) => !c.startsWith("sent")).length).toBe(2);
  });

  test("C-245 a thousand sessions have one deadline; their places and counters are used again", () => {
    const peer = new RawPeer(null, { maxSessions: 1_000 });
    const address = (i: number) => single(`10.0.${i >> 8}.${i & 255}`);
    for (let i = 0; i < 1_000; i++) peer.do(upsert(address(i)));
    expect(Math.max(...peer.handles.map((h) => h.id))).toBe(999);
    peer.do(upsert(address(1_000)));
    expect(peer.events).toMatchObject([
      { type: "refused", faults: [{ message: "there are 1000 BFD sessions already" }] },
    ]);
    const column = SESSION_COUNTERS.indexOf("controlOut");
    expect(peer.counters[3 * SESSION_COUNTERS.length + column]).toBeGreaterThan(0);
    peer.sent.length = 0;
    peer.wait(10 * SECOND);
    expect(peer.sent.length).toBeGreaterThan(10_000);
    expect(peer.sent.length).toBeLessThan(13_400);
    peer.do({ type: "remove", user: "peer-a", address: address(3) });
    peer.do(upsert(address(1_000), { profile: profile({ passiveMode: true }) }));
    expect(peer.handles.at(-1)?.id).toBe(3);
    expect(peer.counters[3 * SESSION_COUNTERS.length + column]).toBe(0);
  });
});
