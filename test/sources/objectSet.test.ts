import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ObjectSet } from "../../src/sources/objectSet.ts";
import { labelsBetween } from "../../src/sources/orderLabels.ts";
import { ObjectStore, type StoreChange } from "../../src/sources/store.ts";

const object = (name: string, label = "a"): string =>
  `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n  labels:\n    l: ${label}\n`;
const file = (...documents: readonly string[]): string => documents.map((d) => `---\n${d}`).join("");
const BAD = (name: string): string =>
  `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n  labels:\n    l: 1\n`;

function fresh(): {
  set: ObjectSet;
  store: ObjectStore;
  state: () => Record<string, string | undefined>;
  order: () => string[];
} {
  const store = new ObjectStore();
  const all = () => [...store.list("Namespace")];
  return {
    set: new ObjectSet(store),
    store,
    state: () => Object.fromEntries(all().map((o) => [o.ref.name, o.labels.get("l")])),
    order: () =>
      all()
        .sort((a, b) => a.order - b.order)
        .map((o) => o.ref.name),
  };
}
const names = (changes: readonly StoreChange[]): readonly string[] =>
  changes.map((c) => `${c.before === undefined ? "+" : c.after === undefined ? "-" : "~"}${c.ref.name}`);

describe("rule 1: a file with a syntax error keeps its last good content", () => {
  test("entirely, and other files go on", () => {
    const { set, state } = fresh();
    set.setFile("a.yaml", file(object("one"), object("two")));
    expect(names(set.setFile("a.yaml", file(object("one", "new"), "x: [\n")))).toEqual([]);
    set.setFile("b.yaml", object("three"));
    expect(state()).toEqual({ one: "a", two: "a", three: "a" });
    expect(set.problems()).toMatchObject([
      { severity: "error", kind: "File", name: "a.yaml", file: "a.yaml", line: 9 },
    ]);
    expect(set.problems()[0]?.hint).toContain("last good content");
  });

  test("until it is mended", () => {
    const { set, state } = fresh();
    set.setFile("a.yaml", object("one"));
    set.setFile("a.yaml", "x: [");
    expect(names(set.setFile("a.yaml", object("one")))).toEqual([]);
    expect(set.problems()).toEqual([]);
    set.setFile("a.yaml", "x: [");
    expect(names(set.setFile("a.yaml", object("one", "new")))).toEqual(["~one"]);
    expect(state()).toEqual({ one: "new" });
  });

  test("bytes that are no UTF-8 and files that cannot be read are like it", () => {
    const { set, state } = fresh();
    set.setFile("a.yaml", new TextEncoder().encode(object("one")));
    set.setFile("a.yaml", new Uint8Array([0xff, 0xfe, 0x61]));
    expect(set.problems()).toMatchObject([{ message: "is not UTF-8 text" }]);
    set.setUnreadable("a.yaml", "cannot be read: EACCES");
    expect(set.problems()).toMatchObject([{ message: "cannot be read: EACCES", file: "a.yaml" }]);
    expect(state()).toEqual({ one: "a" });
  });
});

describe("rule 2: an object that does not validate is isolated", () => {
  test("its last good version stays, its neighbours take effect", () => {
    const { set, state } = fresh();
    set.setFile("a.yaml", file(object("one"), object("two")));
    expect(names(set.setFile("a.yaml", file(BAD("one"), object("two", "new"))))).toEqual(["~two"]);
    expect(state()).toEqual({ one: "a", two: "new" });
    expect(set.problems()).toMatchObject([
      {
        kind: "Namespace",
        name: "one",
        path: "metadata.labels.l",
        file: "a.yaml",
        line: 7,
        hint: expect.stringContaining("last good version"),
      },
    ]);
  });

  test("through further edits and a second fault", () => {
    const { set, state } = fresh();
    set.setFile("a.yaml", object("one"));
    set.setFile("a.yaml", BAD("one"));
    set.setFile("a.yaml", `# note\n${BAD("one")}`);
    set.setFile("a.yaml", file(object("zero"), BAD("one")));
    expect(state()).toEqual({ zero: "a", one: "a" });
    expect(names(set.setFile("a.yaml", object("zero")))).toEqual(["-one"]);
  });

  test("without a good version there is nothing", () => {
    const { set, state } = fresh();
    set.setFile("a.yaml", file(BAD("one"), object("two")));
    expect(state()).toEqual({ two: "a" });
    expect(set.problems()[0]?.hint).not.toContain("last good");
  });
});

describe("rule 3: of equal names the first counts", () => {
  test("in file order, whatever came first in time; the next one takes over", () => {
    const { set, state } = fresh();
    set.setFile("b.yaml", object("one", "b"));
    expect(names(set.setFile("a.yaml", object("one", "a")))).toEqual(["~one"]);
    expect(state()).toEqual({ one: "a" });
    expect(set.problems()).toMatchObject([
      { severity: "error", name: "one", file: "b.yaml", line: 4, message: expect.stringContaining("a.yaml, line 4") },
    ]);
    expect(names(set.removeFile("a.yaml"))).toEqual(["~one"]);
    expect(state()).toEqual({ one: "b" });
    expect(set.problems()).toEqual([]);
  });

  test("in document order within a file", () => {
    const { set, state } = fresh();
    set.setFile("a.yaml", file(object("one", "x"), object("one", "y")));
    expect(state()).toEqual({ one: "x" });
    expect(set.problems()).toMatchObject([{ file: "a.yaml", line: 12 }]);
    set.setFile("a.yaml", file(object("one", "y"), object("one", "x")));
    expect(state()).toEqual({ one: "y" });
    set.setFile("a.yaml", file(object("one", "x")));
    expect([state(), set.problems()]).toEqual([{ one: "x" }, []]);
  });

  test("also inside a List", () => {
    const { set, state } = fresh();
    const item = (l: string): string =>
      `- apiVersion: v1\n  kind: Namespace\n  metadata: {name: one, labels: {l: ${l}}}\n`;
    set.setFile("a.yaml", `apiVersion: v1\nkind: List\nitems:\n${item("x")}${item("y")}`);
    expect(state()).toEqual({ one: "x" });
    expect(set.problems()).toMatchObject([{ line: 9, message: expect.stringContaining("line 6") }]);
  });
});

describe("rule 4 and changes", () => {
  test("a removed file removes its objects and its problems", () => {
    const { set, state } = fresh();
    set.setFile("a.yaml", file(object("one"), BAD("two")));
    expect(names(set.removeFile("a.yaml"))).toEqual(["-one"]);
    expect([state(), set.problems()]).toEqual([{}, []]);
    expect(set.removeFile("a.yaml")).toEqual([]);
  });

  test.each([
    ["the same text", object("one")],
    ["a comment", `# note\n${object("one")}`],
    ["a field nobody reads", `${object("one")}status: {phase: Active}\n`],
  ])("%s makes no change", (_what, text) => {
    const { set } = fresh();
    set.setFile("a.yaml", object("one"));
    expect(set.setFile("a.yaml", text)).toEqual([]);
  });

  test("nor does a comment in the middle of a file: the object keeps its place in the order", () => {
    const { set } = fresh();
    set.setFile("a.yaml", file(object("a"), object("b"), object("c")));
    expect(set.setFile("a.yaml", file(object("a"), `# note\n${object("b")}`, object("c")))).toEqual([]);
  });

  test("an inserted document changes nothing else and takes its place in the order", () => {
    const { set, order } = fresh();
    set.setFile("a.yaml", file(object("a"), object("b"), object("c")));
    set.setFile("c.yaml", object("z"));
    expect(names(set.setFile("a.yaml", file(object("a"), object("x"), object("b"), object("c"))))).toEqual(["+x"]);
    expect(names(set.setFile("b.yaml", object("y")))).toEqual(["+y"]);
    expect(order()).toEqual(["a", "x", "b", "c", "y", "z"]);
  });

  test("documents that change places change", () => {
    const { set, order } = fresh();
    set.setFile("a.yaml", file(object("a"), object("b"), object("c")));
    expect(names(set.setFile("a.yaml", file(object("b"), object("a"), object("c")))).length).toBeGreaterThan(0);
    expect(order()).toEqual(["b", "a", "c"]);
  });

  test("the order holds when no number fits between two neighbours any more", () => {
    const { set, order } = fresh();
    const documents = ["zero", "first", "last"];
    for (let i = 0; i < 150; i++) {
      documents.splice(2, 0, `n${i}`);
      set.setFile("a.yaml", file(...documents.map((name) => object(name))));
      expect(order()).toEqual(documents);
    }
  });

  test("an object is found where it stands", () => {
    const { set } = fresh();
    set.setFile("a.yaml", file(object("one"), object("two")));
    const ref = { kind: "Namespace", namespace: null, name: "two" };
    expect(set.locate(ref, "metadata.labels.l")).toEqual({ file: "a.yaml", line: 14 });
    expect(set.locate({ ...ref, name: "three" }, "")).toBeNull();
  });

  test("the revision grows with every change of the problems, and only then", () => {
    const { set } = fresh();
    const grown = (act: () => void): boolean => {
      const before = set.revision;
      act();
      return set.revision > before;
    };
    expect(grown(() => set.setFile("a.yaml", object("one")))).toBe(false);
    expect(grown(() => set.setFile("b.yaml", object("one")))).toBe(true);
    expect(grown(() => set.removeFile("b.yaml"))).toBe(true);
    expect(grown(() => set.setFile("a.yaml", BAD("one")))).toBe(true);
    expect(grown(() => set.setFile("a.yaml", object("one", "b")))).toBe(true);
    expect(grown(() => set.setFile("a.yaml", object("one", "c")))).toBe(false);
  });
});

test("property: any history leaves what a fresh load of the final contents gives", () => {
  const document = fc
    .tuple(fc.constantFrom("p", "q", "r", "s", "t"), fc.constantFrom("a", "b"))
    .map(([n, l]) => object(n, l));
  const step = fc.record({
    name: fc.constantFrom("1.yaml", "2.yaml", "3.yaml"),
    documents: fc.option(fc.array(document, { maxLength: 5 }), { freq: 4 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (history) => {
      const [lived, loaded] = [fresh(), fresh()];
      const contents = new Map<string, string>();
      const replayed = new Map<string, string | undefined>();
      for (const { name, documents } of history) {
        const text = documents === null ? null : file(...documents);
        const changes = text === null ? lived.set.removeFile(name) : lived.set.setFile(name, text);
        if (text === null) contents.delete(name);
        else contents.set(name, text);
        for (const change of changes) {
          if (change.after === undefined) replayed.delete(change.ref.name);
          else replayed.set(change.ref.name, change.after.labels.get("l"));
        }
      }
      for (const [name, text] of contents) loaded.set.setFile(name, text);
      expect(lived.state()).toEqual(loaded.state());
      expect(lived.order()).toEqual(loaded.order());
      expect(lived.set.problems()).toEqual(loaded.set.problems());
      expect(Object.fromEntries(replayed)).toEqual(lived.state());
    }),
    { numRuns: 200 },
  );
});

test.each([
  [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 3],
  [Number.NEGATIVE_INFINITY, 5, 3],
  [5, Number.POSITIVE_INFINITY, 3],
  [0, 1, 1000],
  [0, 2 ** 40, 2],
])("labels between %d and %d grow strictly inside the bounds", (low, high, count) => {
  const labels = labelsBetween(low, high, count) ?? [];
  expect(labels).toHaveLength(count);
  [low, ...labels].forEach((label, i, all) => {
    expect(label).toBeLessThan(all[i + 1] ?? high);
  });
});

test("there are no labels between neighbours", () => {
  expect(labelsBetween(1, 1 + Number.EPSILON, 1)).toBeNull();
});
