// The keeper of one kind under a virtual clock, with a server that is a map: what is written, what is not, and how long is waited.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Millis, ServiceKey } from "../../src/kernel/units.ts";
import { answerFailure, localFailure } from "../../src/kube/apiError.ts";
import { Keeper, RETRY_FIRST, RETRY_LAST, type Write } from "../../src/reports/keeper.ts";
import { PAUSE_LAST, PAUSE_SLOW } from "../../src/reports/obstacles.ts";
import { PACE_CALM, PACE_FIRST, PACE_LAST } from "../../src/reports/pace.ts";
import { serviceStatus, serviceStatusKind } from "../../src/reports/serviceStatus.ts";
import type { RawObject } from "../../src/sources/fields.ts";
import { decision } from "./decisions.ts";

const OWNER = { apiVersion: "v1", kind: "Node", name: "n1", uid: "node" };
const failed = (code: number) => ({ ok: false, failure: answerFailure(code, "", undefined) }) as const;

/** What an API server does to one kind, with what it tells watches. */
class Stage {
  readonly keeper = new Keeper(serviceStatusKind("n1"), "metallb-system", { next: () => 1 });
  now = 0;
  readonly objects = new Map<string, RawObject>();
  /** Not yet told to the keeper. */
  readonly news: (() => void)[] = [];
  readonly log: string[] = [];
  #count = 0;
  /** Fields of a status that the server drops. */
  pruned: readonly string[] = [];

  constructor(isListed = true) {
    this.keeper.setOwner(OWNER);
    if (isListed) this.keeper.listed();
  }

  want(name: string, ...peers: readonly string[]): void {
    const report = serviceStatus("n1", ServiceKey("default", name), decision(peers));
    if (report === null) this.keeper.unwant(`default/${name}`);
    else this.keeper.want(report);
  }

  next(): Write | null {
    return this.keeper.next(Millis(this.now));
  }

  store(object: RawObject): RawObject {
    const metadata = { ...(object.metadata as RawObject), resourceVersion: String(++this.#count) };
    const stored = { ...object, metadata };
    this.objects.set(String((metadata as RawObject).name), stored);
    this.news.push(() => this.keeper.put(stored));
    return stored;
  }

  remove(name: string): void {
    this.objects.delete(name);
    this.news.push(() => void this.keeper.deleted(name));
  }

  /** The answer of the server to a write. */
  serve(write: Write): { readonly ok: true; readonly object: RawObject | null } | ReturnType<typeof failed> {
    this.log.push(write.type);
    if (write.type === "create") {
      const name = `bgp-${++this.#count}`;
      const metadata = { ...(write.body.metadata as RawObject), name, uid: `u${name}`, creationTimestamp: `t${name}` };
      return { ok: true, object: this.store({ ...write.body, metadata }) };
    }
    const found = this.objects.get(write.name);
    if (found === undefined) return failed(404);
    if (write.type === "read") return { ok: true, object: found };
    if (write.type === "delete") {
      this.remove(write.name);
      return { ok: true, object: null };
    }
    const { resourceVersion, ...asked } = write.body.metadata as RawObject;
    const { metadata } = found as { metadata: RawObject };
    if (resourceVersion !== metadata.resourceVersion) return failed(409);
    const status = { ...(found.status as RawObject), ...(write.body.status as RawObject) };
    for (const field of Object.keys(status)) {
      if (status[field] === null || this.pruned.includes(field)) delete (status as Record<string, unknown>)[field];
    }
    return { ok: true, object: this.store({ ...found, metadata: { ...metadata, ...asked }, status }) };
  }

  do(write: Write): void {
    this.keeper.answer(write, this.serve(write), Millis(this.now));
  }

  tell(): void {
    for (const tell of this.news.splice(0)) tell();
  }

  /** Everything that is due now. @returns the writes */
  run(limit = 100): readonly string[] {
    const from = this.log.length;
    for (let i = 0; i < limit; i++) {
      const write = this.next();
      if (write === null && this.keeper.hasMore) continue;
      if (write === null) break;
      this.do(write);
      this.tell();
    }
    return this.log.slice(from);
  }

  /** On to each deadline until nothing is due any more. */
  rest(): readonly string[] {
    const from = this.log.length;
    for (let i = 0; i < 200; i++) {
      this.run();
      const due = this.keeper.deadline();
      if (due === null) break;
      this.now = Math.max(this.now, due);
    }
    return this.log.slice(from);
  }

  get peers(): readonly string[] {
    return [...this.objects.values()].map((o) => JSON.stringify((o.status as RawObject | undefined)?.peers)).sort();
  }
}

describe("what is written", () => {
  test("a new report takes a create and its status; the same again takes nothing", () => {
    const stage = new Stage();
    stage.want("web", "a");
    expect(stage.rest()).toEqual(["create", "status"]);
    stage.want("web", "a");
    stage.keeper.listed();
    expect(stage.rest()).toEqual([]);
    expect(stage.keeper.pending).toBe(0);
  });

  test("nothing before the first complete list, nor without an owner", () => {
    const stage = new Stage(false);
    stage.want("web", "a");
    expect(stage.next()).toBeNull();
    stage.keeper.listed();
    stage.keeper.setOwner(null);
    expect(stage.next()).toBeNull();
    stage.keeper.setOwner(OWNER);
    expect(stage.next()?.type).toBe("create");
  });

  test("what a process before us left is taken over: its owner, not its content", () => {
    const before = new Stage();
    before.want("web", "a");
    before.want("old", "a");
    before.rest();
    const stage = new Stage(false);
    for (const object of before.objects.values()) stage.store(object);
    stage.tell();
    stage.want("web", "a");
    stage.keeper.setOwner({ ...OWNER, uid: "another" });
    stage.keeper.listed();
    expect([...stage.rest()].sort()).toEqual(["delete", "describe"]);
    expect(stage.objects.size).toBe(1);
  });

  test("of several objects for one Service the eldest stays", () => {
    const stage = new Stage();
    stage.want("web", "a");
    stage.rest();
    const [[name, first] = ["", {}]] = [...stage.objects];
    const metadata = { ...(first.metadata as RawObject), name: "bgp-late", uid: "late", creationTimestamp: "u" };
    stage.store({ ...first, metadata });
    stage.tell();
    expect(stage.rest()).toEqual(["delete"]);
    expect([...stage.objects.keys()]).toEqual([name]);
  });

  test("what somebody else deletes or edits comes back", () => {
    const stage = new Stage();
    stage.want("web", "a");
    stage.rest();
    const [[name, object] = ["", {}]] = [...stage.objects];
    stage.store({ ...object, status: { ...(object.status as RawObject), peers: ["x"] } });
    stage.tell();
    expect(stage.rest()).toEqual(["status"]);
    stage.objects.delete(name);
    expect(stage.keeper.deleted(name), "it should have been there").toBe(true);
    expect(stage.rest()).toEqual(["create", "status"]);
  });

  test("a watch that is late brings nothing back", () => {
    const stage = new Stage();
    stage.want("web", "a");
    for (let write = stage.next(); write !== null; write = stage.next()) stage.do(write);
    stage.now += PACE_LAST;
    stage.want("web", "b");
    for (let write = stage.next(); write !== null; write = stage.next()) stage.do(write);
    // every version there ever was, one after the other, with time to act on each
    for (const tell of stage.news.splice(0)) {
      tell();
      stage.now += PACE_LAST;
      expect(stage.next()).toBeNull();
    }
    const [object] = stage.objects.values();
    stage.keeper.unwant("default/web");
    const write = stage.next();
    if (write?.type !== "delete" || object === undefined) throw new Error("no delete");
    stage.do(write);
    stage.keeper.put(object);
    stage.now += PACE_LAST;
    expect(stage.next()).toBeNull();
    stage.tell();
    expect(stage.rest()).toEqual([]);
  });

  test("thousands that are as they should are looked at in pieces", () => {
    const stage = new Stage();
    for (let i = 0; i < 1_200; i++) stage.want(`s${i}`, "a");
    expect(stage.run(5_000)).toHaveLength(2_400);
    stage.keeper.setOwner(null);
    stage.keeper.setOwner(OWNER); // the same one, but who knows what happened meanwhile
    const pieces: boolean[] = [];
    do {
      expect(stage.next()).toBeNull();
      pieces.push(stage.keeper.hasMore);
    } while (stage.keeper.hasMore);
    expect(pieces).toEqual([true, true, true, true, true, false]);
  });

  test("one write at a time for one object, whatever is wanted meanwhile", () => {
    const stage = new Stage();
    stage.want("web", "a");
    const write = stage.next();
    if (write === null) throw new Error("nothing to write");
    stage.now += PACE_LAST;
    stage.want("web", "b");
    expect(stage.next()).toBeNull();
    stage.do(write);
    expect([stage.rest(), stage.peers]).toEqual([["status"], ['["b"]']]);
  });

  test("a status that the server does not keep is written once, until it is another one", () => {
    const stage = new Stage();
    stage.pruned = ["serviceName"];
    stage.want("web", "a");
    expect(stage.rest()).toEqual(["create", "status"]);
    stage.want("web", "a", "b");
    expect(stage.rest()).toEqual(["status"]);
    expect(stage.rest()).toEqual([]);
  });
});

describe("what is waited for", () => {
  test("changes of one report go out at once, then in pauses that double", () => {
    const stage = new Stage();
    stage.want("web", "p0");
    stage.run();
    const moments: number[] = [];
    for (let i = 1; moments.length < 9 && i < 100_000; i++) {
      stage.now += 50;
      stage.want("web", `p${i}`);
      if (stage.run().length > 0) moments.push(stage.now);
    }
    const gaps = moments.map((at, i) => at - (moments[i - 1] ?? 0));
    expect(gaps).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((s) => s * 1_000));
    stage.now += 200_000;
    stage.want("web", "calm");
    expect(stage.run(), "calm forgets").toEqual(["status"]);
  });

  test("a created object gets its status at once, also where the watch tells of it before the answer", () => {
    const stage = new Stage();
    for (let i = 0; i < 5; i++) {
      stage.want("web", "tor");
      stage.rest();
      stage.want("web");
      stage.rest();
    }
    stage.now += PACE_LAST;
    stage.want("web", "tor");
    const create = stage.next();
    if (create === null) throw new Error("nothing to create");
    const answer = stage.serve(create);
    stage.tell();
    stage.want("web", "tor", "another");
    stage.keeper.answer(create, answer, Millis(stage.now));
    expect(stage.run()).toEqual(["status"]);
    expect([...stage.objects.values()].map((o) => o.status)).toMatchObject([{ peers: ["another", "tor"] }]);
  });
  test("somebody who empties every status has it written in pauses, however often the object is made anew", () => {
    const stage = new Stage();
    stage.want("web", "tor");
    stage.run();
    for (let i = 0; i < 20; i++) {
      const [object] = stage.objects.values();
      if (object === undefined) throw new Error("no object");
      if (i % 5 === 4) stage.remove(String((object.metadata as RawObject).name));
      else stage.store({ ...object, status: {} });
      stage.tell();
      expect(stage.run()).toEqual([]);
      stage.rest();
    }
    expect(stage.now).toBeGreaterThan(10 * PACE_LAST);
  });
  test("of Services that come and go for hours only those of the last minutes are remembered", () => {
    const stage = new Stage();
    for (let i = 0; i < 500; i++) {
      stage.want(`run-${i}`, "a");
      stage.rest();
      stage.now += 10_000;
      stage.want(`run-${i}`);
      stage.rest();
    }
    expect(stage.objects.size).toBe(0);
    expect(stage.keeper.paced).toBeLessThan(PACE_CALM / 10_000 + 2);
  });

  test("while the owner is asked for, what was put off is no reason to look again", () => {
    const stage = new Stage();
    stage.want("web", "a");
    stage.rest();
    stage.want("web", "a", "b");
    expect([stage.run(), stage.keeper.deadline()]).toEqual([[], PACE_FIRST]);
    stage.keeper.setOwner(null);
    stage.now += PACE_LAST;
    expect([stage.next(), stage.keeper.deadline()]).toEqual([null, null]);
    stage.keeper.setOwner(OWNER);
    expect(stage.rest()).toEqual(["status"]);
  });

  test("a conflict is read and written again at once; a storm of them in pauses", () => {
    const stage = new Stage();
    stage.want("web", "a");
    stage.rest();
    stage.want("web", "b");
    stage.now += PACE_LAST;
    const answers: string[] = [];
    const began = stage.now;
    for (let i = 0; i < 40; i++) {
      const write = stage.next();
      if (write === null) {
        const due = stage.keeper.deadline();
        if (due === null) break;
        stage.now = due;
        continue;
      }
      answers.push(write.type);
      if (write.type === "status" && answers.filter((a) => a === "status").length <= 5)
        stage.keeper.answer(write, failed(409), Millis(stage.now));
      else stage.do(write);
    }
    expect(answers).toEqual([
      "status",
      "read",
      "status",
      "read",
      "status",
      "read",
      "status",
      "read",
      "status",
      "read",
      "status",
    ]);
    // none, then 2, 4, 8 and 16 times the first
    expect(stage.now - began).toBe(RETRY_FIRST * 30);
    expect(stage.peers).toEqual(['["b"]']);
  });

  test("an object that is refused waits alone, is told, and the others go on", () => {
    const stage = new Stage();
    stage.want("bad", "a");
    const bad = stage.next();
    if (bad === null) throw new Error("nothing to write");
    stage.keeper.answer(bad, failed(422), Millis(0));
    stage.want("good", "a");
    expect(stage.run()).toEqual(["create", "status"]);
    expect(stage.keeper.fault).toMatchObject({ kind: "refused", action: "create" });
    expect(stage.rest()).toEqual(["create", "status"]);
    expect(stage.keeper.fault).toBeNull();
  });

  test("an object that is refused is not asked for sooner because it is wanted otherwise", () => {
    const stage = new Stage();
    stage.want("bad", "a");
    const moments: number[] = [];
    for (; stage.now < 3_600_000; stage.now += 1_000) {
      stage.want("bad", `p${stage.now}`);
      const write = stage.next();
      if (write === null) continue;
      moments.push(stage.now);
      stage.keeper.answer(write, failed(422), Millis(stage.now));
    }
    // longer than the pause between two changes, which is a minute at most
    expect((moments.at(-1) ?? 0) - (moments.at(-2) ?? 0)).toBe(RETRY_LAST);
  });

  test.each([
    [403, "forbidden"],
    [404, "absent"],
  ])("%d on a create stops the kind for a minute and is told once", (code, kind) => {
    const stage = new Stage();
    for (const name of ["a", "b", "c"]) stage.want(name, "p");
    const first = stage.next();
    if (first === null) throw new Error("nothing to write");
    stage.keeper.answer(first, failed(code), Millis(0));
    const fault = stage.keeper.fault;
    expect(fault).toMatchObject({ kind });
    expect([stage.next(), stage.keeper.deadline()]).toEqual([null, PAUSE_SLOW]);
    stage.now = PAUSE_SLOW;
    const second = stage.next();
    if (second === null) throw new Error("nothing to write");
    stage.keeper.answer(second, failed(code), Millis(stage.now));
    expect(stage.keeper.fault, "the same words").toBe(fault);
    stage.rest();
    expect([stage.keeper.fault, stage.objects.size]).toEqual([null, 3]);
  });

  test("a server that has no status of an object is asked in pauses, and gets no second object", () => {
    const stage = new Stage();
    stage.want("web", "a");
    let created = 0;
    for (let i = 0; i < 10_000 && stage.now < 600_000; i++) {
      const write = stage.next();
      stage.tell();
      if (write === null) stage.now = Math.max(stage.now, stage.keeper.deadline() ?? 600_000);
      else if (write.type === "status") stage.keeper.answer(write, failed(404), Millis(stage.now));
      else stage.do(write);
      if (write?.type === "create") created++;
    }
    expect(stage.now).toBeGreaterThanOrEqual(600_000);
    expect(created).toBe(1);
    expect(stage.keeper.fault).toMatchObject({ kind: "refused", action: "status" });
  });

  test("a server that is away is asked in pauses that double, whatever there is to write", () => {
    const stage = new Stage();
    for (let i = 0; i < 100; i++) stage.want(`s${i}`, "p");
    const moments: number[] = [];
    while (stage.now < 120_000) {
      const write = stage.next();
      if (write === null) stage.now = stage.keeper.deadline() ?? Number.POSITIVE_INFINITY;
      else {
        moments.push(stage.now);
        stage.keeper.answer(write, { ok: false, failure: localFailure("connection", "refused") }, Millis(stage.now));
      }
    }
    const gaps = moments.map((at, i) => at - (moments[i - 1] ?? 0)).slice(1);
    expect(gaps.slice(0, 8)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, PAUSE_LAST, PAUSE_LAST]);
    stage.rest();
    expect(stage.objects.size).toBe(100);
  });

  test("429 is waited for as long as the server asks", () => {
    const stage = new Stage();
    stage.want("web", "a");
    const write = stage.next();
    if (write === null) throw new Error("nothing to write");
    stage.keeper.answer(write, { ok: false, failure: answerFailure(429, "", "7") }, Millis(0));
    expect(stage.keeper.deadline()).toBe(7_000);
  });
});

describe("whatever happens", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("want" as const), name: fc.nat(3), peers: fc.subarray(["a", "b"]) }),
    fc.record({ do: fc.constantFrom("write", "tell", "wait", "relist", "steal", "edit", "owner"), n: fc.nat(7) }),
    fc.record({ do: fc.constant("fail" as const), code: fc.constantFrom(0, 403, 404, 409, 422, 429, 500) }),
    // the write works and its answer is lost
    fc.record({ do: fc.constant("lose" as const) }),
  );

  test("at rest the cluster says what is wanted, once, and nothing is written any more", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const stage = new Stage();
        const wanted = new Map<number, string>();
        for (const s of steps) {
          if (s.do === "want") {
            stage.want(`s${s.name}`, ...s.peers);
            if (s.peers.length > 0) wanted.set(s.name, JSON.stringify(s.peers));
            else wanted.delete(s.name);
            continue;
          }
          const write = s.do === "fail" || s.do === "lose" || s.do === "write" ? stage.next() : null;
          if (write !== null && s.do === "write") stage.do(write);
          if (write !== null && s.do === "fail") {
            // who says so of an object has none
            if (s.code === 404 && "name" in write) stage.remove(write.name);
            const failure = s.code === 0 ? localFailure("connection", "x") : answerFailure(s.code, "", undefined);
            stage.keeper.answer(write, { ok: false, failure }, Millis(stage.now));
          }
          if (write !== null && s.do === "lose") {
            stage.serve(write);
            const failure = localFailure("timeout", "no answer");
            stage.keeper.answer(write, { ok: false, failure }, Millis(stage.now));
          }
          if (!("n" in s)) continue;
          const name = [...stage.objects.keys()][s.n] ?? "";
          const object = stage.objects.get(name);
          if (s.do === "tell") stage.news.splice(0, s.n).forEach((tell) => void tell());
          if (s.do === "wait") stage.now += 10 ** s.n;
          if (s.do === "steal" && object !== undefined) stage.remove(name);
          if (s.do === "edit" && object !== undefined) stage.store({ ...object, status: { peers: ["x"] } });
          if (s.do === "owner") stage.keeper.setOwner({ ...OWNER, uid: `node${s.n}` });
          if (s.do === "relist") {
            stage.tell();
            stage.keeper.listed();
          }
        }
        stage.tell();
        stage.rest();
        expect(stage.peers).toEqual([...wanted.values()].sort());
        expect([stage.keeper.pending, stage.next()]).toEqual([0, null]);
        const { length } = stage.log;
        stage.keeper.listed();
        stage.rest();
        expect(stage.log.length - length).toBe(0);
      }),
    );
  });
});
