// Allocation between store and decision with a real file: what is announced when, what is written, what a restart makes of it.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatRemembered, formattingRemembered, parseRemembered } from "../../src/allocate/remembered.ts";
import type { ModelObject } from "../../src/announce/model.ts";
import { Allocating } from "../../src/app/allocating.ts";
import { realClock, realTimers } from "../../src/app/realTime.ts";
import { ServiceKey } from "../../src/kernel/units.ts";
import type { Logger } from "../../src/observe/log.ts";
import { ObjectStore, type StoreChange } from "../../src/sources/store.ts";
import { lb, pool } from "../allocate/support.ts";

let dir = "";
let path = "";
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), "vipcast-")), "state");
  path = join(dir, "allocations.json");
});
afterEach(() => rmSync(join(dir, ".."), { recursive: true, force: true }));

/** A busy disk takes its time to have what is written. */
const PATIENT = { timeout: 15_000 };

const quiet: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} } as unknown as Logger;

/** A store, the allocation behind it, and a decision that notes the addresses it is shown. */
async function daemon(over: { readonly isSourceClean?: () => boolean } = {}) {
  const store = new ObjectStore();
  const seen: string[] = [];
  let woken: (() => void) | null = null;
  let problems = 0;
  const allocating = new Allocating(store, "", {
    stateDir: dir,
    clock: realClock,
    timers: realTimers,
    log: quiet,
    isSourceClean: over.isSourceClean ?? (() => true),
    wake: () => woken?.(),
    problemsChanged: () => problems++,
  });
  allocating.pass({
    apply: (changes: readonly StoreChange[]) => {
      for (const { ref, kind } of changes) {
        const service = kind === "Service" ? allocating.view.get("Service", `default/${ref.name}`) : undefined;
        if (service !== undefined) seen.push(`${ref.name} ${service.ingress.map((i) => i.ip).join("+") || "-"}`);
      }
    },
    run: () => "done",
  });
  await allocating.start();
  const put = (...objects: readonly ModelObject[]): string => {
    seen.length = 0;
    allocating.apply(objects.map((o) => store.put(o)));
    return allocating.run(() => false);
  };
  const remove = (object: ModelObject): string => {
    seen.length = 0;
    const change = store.remove(object.kind, object.ref);
    if (change !== null) allocating.apply([change]);
    return allocating.run(() => false);
  };
  /** Settles when the allocation asks to be run, and has been. */
  const wake = (): Promise<string> =>
    new Promise((resolve) => {
      woken = () => {
        woken = null;
        resolve(allocating.run(() => false));
      };
    });
  return { allocating, put, remove, wake, seen, problems: () => problems };
}

const p = pool("p", ["192.0.2.1-192.0.2.2"]);
const [a, b] = [lb("a", 4), lb("b", 4)];
const written = () => {
  const parsed = parseRemembered(readFileSync(path, "utf8"));
  return parsed.ok ? Object.fromEntries([...parsed.held].map(([key, { ips }]) => [key, ips.join("+")])) : parsed.fault;
};

describe("store -> allocate -> decide", () => {
  test("nothing is decided before the first allocation is with the disk, and then at once", async () => {
    const d = await daemon();
    const saved = d.wake();
    expect(d.put(p, a)).toBe("waiting");
    expect(d.seen).toEqual(["a -"]);
    expect(await saved).toBe("done");
    expect(d.seen).toEqual(["a -", "a 192.0.2.1"]);
    expect(written()).toEqual({ "default/a": "192.0.2.1" });
  });

  test("after that everything goes on while a new address waits for the disk", async () => {
    const d = await daemon();
    const first = d.wake();
    d.put(p, a);
    await first;
    const second = d.wake();
    expect(d.put(b)).toBe("done");
    expect(d.seen).toEqual(["b -"]);
    await second;
    expect(d.seen).toEqual(["b -", "b 192.0.2.2"]);
  });

  test("a lost address is out in the same turn, and released on the disk", async () => {
    const d = await daemon();
    const first = d.wake();
    d.put(p, a, b);
    await first;
    const second = d.wake();
    d.put(pool("p", ["192.0.2.2-192.0.2.3"]));
    expect(d.seen).toEqual(["a -"]);
    await second;
    expect(d.seen).toEqual(["a -", "a 192.0.2.3"]);
    const third = d.wake();
    d.remove(b);
    await third;
    expect(written()).toEqual({ "default/a": "192.0.2.3" });
  });

  test("what is remembered is decided in the first turn after a restart", async () => {
    mkdirSync(dir);
    writeFileSync(
      path,
      formatRemembered([
        [ServiceKey("default", "a"), { ips: ["192.0.2.2"], terms: { sharingKey: "", backendKey: "", ports: [] } }],
      ]),
    );
    const d = await daemon();
    const saved = d.wake();
    expect(d.put(p, a)).toBe("done");
    expect(d.seen).toEqual(["a -", "a 192.0.2.2"]);
    await saved;
  });

  test("the address of a service that cannot be read stays its own while the source has errors", async () => {
    mkdirSync(dir);
    writeFileSync(
      path,
      formatRemembered([
        [ServiceKey("default", "z"), { ips: ["192.0.2.1"], terms: { sharingKey: "", backendKey: "", ports: [] } }],
      ]),
    );
    let isSourceClean = false;
    const d = await daemon({ isSourceClean: () => isSourceClean });
    const first = d.wake();
    d.put(p, a);
    await first;
    expect(written()).toEqual({ "default/a": "192.0.2.2", "default/z": "192.0.2.1" });
    isSourceClean = true;
    const second = d.wake();
    d.allocating.sourceChanged();
    await second;
    d.put(b);
    await expect.poll(written, PATIENT).toEqual({ "default/a": "192.0.2.2", "default/b": "192.0.2.1" });
  });

  test("a directory that cannot be written is a problem, and what is known goes on", async () => {
    writeFileSync(dir, "a file where the directory should be");
    const failing = await daemon().catch((error: unknown) => error);
    expect(String(failing)).toMatch(/cannot be read/);
  });

  test.each([
    ["later", false],
    ["within the same tick of the file system's clock", true],
  ])(
    "a file that somebody else has changed, %s, is not overwritten, and new addresses wait",
    async (_when, isAtOnce) => {
      const d = await daemon();
      const first = d.wake();
      d.put(p, a);
      await first;
      const foreign = formatRemembered([]);
      execFileSync("cp", ["-p", path, join(dir, "before")]);
      writeFileSync(path, foreign);
      if (isAtOnce) execFileSync("touch", ["-r", join(dir, "before"), path]);
      else utimesSync(path, 2_000_000_000, 2_000_000_000);
      const told = d.problems();
      d.put(b);
      await expect.poll(() => d.problems(), PATIENT).toBeGreaterThan(told + 1);
      expect(d.allocating.problems()).toMatchObject([
        { severity: "error", message: expect.stringContaining("changed by somebody else") },
      ]);
      expect(readFileSync(path, "utf8")).toBe(foreign);
      expect(d.allocating.view.published(b.key)).toEqual([]);
      d.allocating.stop();
    },
  );
});

describe("the file", () => {
  test.each([
    ["empty", "", "it is empty"],
    ["half a file", '{"version": 1, "services": {"default/a": {"ips": ["192.', "it is no JSON"],
    ["another version", '{"version": 2, "services": {}}', "its version is 2"],
    ["no services", '{"version": 1}', 'no "services"'],
    [
      "an address that is none",
      '{"version": 1, "services": {"default/a": {"ips": ["192.0.2.999"]}}}',
      "makes no sense",
    ],
    ["a name that is none", '{"version": 1, "services": {"a": {"ips": ["192.0.2.1"]}}}', "is no namespace/name"],
  ])("that is %s stops the start, with the cure, and is left alone", async (_what, text, fault) => {
    mkdirSync(dir);
    writeFileSync(path, text);
    const error = await daemon().catch((e: unknown) => e);
    expect(String(error)).toContain(fault);
    expect(String(error)).toContain("Restore it from a backup");
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("gives back what was written, sharing terms included", () => {
    const held = [
      [
        ServiceKey("default", "a"),
        { ips: ["192.0.2.1", "2001:db8::1"], terms: { sharingKey: "k", backendKey: "a=b", ports: ["TCP/80"] } },
      ],
      [ServiceKey("shop", "b"), { ips: ["192.0.2.2"], terms: { sharingKey: "", backendKey: "", ports: [] } }],
    ] as const;
    const parsed = parseRemembered(formatRemembered(held));
    expect(parsed.ok && [...parsed.held]).toEqual(held);
    expect(parseRemembered(formatRemembered([]))).toEqual({ ok: true, held: new Map() });
  });

  test("is put into text with a rest after every 64 Services, so that no turn of the event loop gets long", () => {
    const terms = { sharingKey: "", backendKey: "", ports: [] };
    const held = Array.from(
      { length: 1_000 },
      (_, i) => [ServiceKey("default", `s${i}`), { ips: ["192.0.2.1"], terms }] as const,
    );
    let rests = 0;
    for (const work = formattingRemembered(held); work.next().done !== true; ) rests++;
    expect(rests).toBe(15);
  });
});
