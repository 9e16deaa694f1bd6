// The rules of the house, as tests: who may import whom, where the outside world enters, how long a file may be.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const src = join(root, "src");

interface SourceFile {
  /** Relative to src/, with forward slashes. */
  readonly name: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
  .map((name) => {
    const text = readFileSync(join(src, name), "utf8");
    const imports = [...text.matchAll(/^(?:import|export)\b[^;]*?from "([^"]+)"/gm)].map((m) => m[1] ?? "");
    return { name, text, imports };
  });

/** Rooms that hold cores only: no I/O, no clock, no randomness. */
const PURE = [
  "kernel/",
  "bgp/wire/",
  "bgp/session/",
  "bgp/rib/",
  "drain/",
  "announce/",
  "inject/",
  "allocate/",
  "control/",
  "hooks/",
  "site/",
  "witness/",
  "sources/",
  "shadow/",
  "bgp/",
  "bfd/",
  "config/",
  "kube/",
  "reports/",
  "launch/",
];
/** The shells in those rooms. */
const SHELLS = new Set([
  "sources/manifests.ts",
  "bgp/transport.ts",
  "bgp/listener.ts",
  "config/load.ts",
  "bfd/worker.ts",
  "bfd/client.ts",
  "bfd/loop.ts",
  "bfd/dgramLoop.ts",
  "bfd/sockets.ts",
  "bfd/threadClock.ts",
  "kube/credentials.ts",
  "kube/transport.ts",
  "launch/main.ts",
  "launch/program.ts",
]);

const isPure = (name: string): boolean => PURE.some((room) => name.startsWith(room)) && !SHELLS.has(name);

/** What a file imports from src/, as names like its own. */
const ownImports = (file: SourceFile): readonly string[] =>
  file.imports.filter((i) => i.startsWith(".")).map((i) => relative(src, join(src, dirname(file.name), i)));

/** Rooms, and the rooms they may look into besides themselves. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  "bgp/wire": ["kernel"],
  "bgp/session": ["kernel", "bgp/wire", "bfd"],
  "bgp/rib": ["kernel", "bgp/wire"],
  bgp: ["kernel", "bgp/wire", "bgp/session", "bgp/rib", "linux"],
  linux: ["kernel"],
  drain: ["kernel"],
  announce: ["kernel", "drain", "bgp/wire", "bgp/session", "sources", "bfd", "site"],
  inject: ["kernel", "drain", "bgp/wire", "bgp/rib", "announce"],
  allocate: ["kernel", "announce", "sources"],
  control: ["kernel", "announce", "allocate", "sources", "kube"],
  hooks: ["kernel", "announce", "sources", "kube"],
  site: ["kernel", "bgp/wire", "announce"],
  witness: ["kernel", "bgp/wire", "site"],
  sources: ["kernel", "announce"],
  shadow: ["kernel", "announce", "sources"],
  config: ["kernel", "observe"],
  observe: [
    "shadow",
    "kernel",
    "drain",
    "bgp",
    "bgp/wire",
    "bgp/session",
    "bgp/rib",
    "announce",
    "allocate",
    "inject",
    "config",
    "bfd",
    "site",
  ],
  bfd: ["kernel", "linux"],
  kube: ["kernel", "sources", "announce"],
  reports: ["kernel", "kube", "sources", "announce"],
  // it comes before the program, and whatever it loads is compiled at every start
  launch: [],
};

const roomOf = (name: string): string => dirname(name);

describe("imports", () => {
  test.each(files.filter((f) => isPure(f.name)).map((f) => [f.name, f] as const))("%s is pure", (_name, file) => {
    expect(file.imports.filter((i) => i.startsWith("node:"))).toEqual([]);
    const shells = ownImports(file).filter((i) => SHELLS.has(i) || i.startsWith("linux/") || i.startsWith("app/"));
    expect(shells).toEqual([]);
  });

  test.each(Object.keys(MAY_IMPORT))("%s looks only into the rooms below it", (room) => {
    const allowed = [room, ...(MAY_IMPORT[room] ?? [])];
    for (const file of files.filter((f) => roomOf(f.name) === room)) {
      expect(
        ownImports(file).filter((i) => !allowed.includes(roomOf(i))),
        file.name,
      ).toEqual([]);
    }
  });

  test("the sources know of the decision only the model and the grammars of texts, the decision only the store of the sources and the words of sites", () => {
    for (const file of files.filter((f) => roomOf(f.name) === "sources")) {
      const seen = ownImports(file).filter((i) => i.startsWith("announce/"));
      expect(
        seen.filter((i) => !["announce/model.ts", "announce/communities.ts", "announce/annotations.ts"].includes(i)),
        file.name,
      ).toEqual([]);
    }
    for (const file of files.filter((f) => roomOf(f.name) === "kube")) {
      const seen = ownImports(file).filter((i) => i.startsWith("announce/"));
      expect(
        seen.filter((i) => i !== "announce/model.ts"),
        file.name,
      ).toEqual([]);
    }
    for (const file of files.filter((f) => roomOf(f.name) === "announce")) {
      const seen = ownImports(file).filter((i) => i.startsWith("site/"));
      expect(
        seen.filter((i) => !["site/model.ts", "site/rules.ts"].includes(i)),
        file.name,
      ).toEqual([]);
    }
    for (const file of files.filter((f) => ["announce", "allocate"].includes(roomOf(f.name)))) {
      const seen = ownImports(file).filter((i) => i.startsWith("sources/"));
      expect(
        seen.filter((i) => i !== "sources/store.ts"),
        file.name,
      ).toEqual([]);
    }
  });

  test("there are no cycles between files, types aside", () => {
    const values = new Map(files.map((f) => [f.name, ownImports({ ...f, imports: valueImports(f.text) })] as const));
    const done = new Set<string>();
    const visit = (name: string, path: readonly string[]): void => {
      if (path.includes(name)) throw new Error(`cycle: ${[...path.slice(path.indexOf(name)), name].join(" -> ")}`);
      if (done.has(name)) return;
      for (const next of values.get(name) ?? []) visit(next, [...path, name]);
      done.add(name);
    };
    for (const { name } of files) visit(name, []);
  });

  test("native code is loaded in linux/ alone", () => {
    const loaders = files.filter((f) => /koffi/.test(f.text)).map((f) => f.name);
    expect(loaders).toEqual(["linux/native.ts"]);
  });
});

/** Imports that exist at run time. */
const valueImports = (text: string): string[] =>
  [...text.matchAll(/^(?:import|export) (?!type\b)[^;]*?from "([^"]+)"/gm)].map((m) => m[1] ?? "");

describe("one place each", () => {
  const places: readonly (readonly [what: string, pattern: RegExp, allowed: readonly string[]])[] = [
    ["process.exit", /process\.exit\(/, ["main.ts"]],
    ["the wall clock", /Date\.now\(/, ["app/realTime.ts", "sources/manifests.ts"]],
    ["randomness", /Math\.random\(/, ["app/realTime.ts"]],
    ["console", /\bconsole\./, []],
    ["a file that is replaced", /\{[^}]*\b(writeFile|rename|rm)(Sync)?\b[^}]*\} from "node:fs/, ["app/durableFile.ts"]],
    ["pino", /from "pino"/, ["observe/log.ts"]],
    ["prom-client", /from "prom-client"/, ["observe/metrics.ts"]],
    ["the yaml package", /from "yaml"/, ["sources/yamlFile.ts", "config/configFile.ts", "kube/kubeconfig.ts"]],
  ];
  test.each(places)("%s enters in one place", (_what, pattern, allowed) => {
    const users = files.filter((f) => pattern.test(f.text)).map((f) => f.name);
    expect(users.filter((name) => !allowed.includes(name))).toEqual([]);
  });
});

describe("messages", () => {
  /** Who still puts problems into words of its own; none may join them (src/kernel/messages.ts). `why` asks for a place only. */
  const UNLISTED = ["kernel/problem.ts", "observe/why.ts"];

  test("a problem says a message of a table, so that docs/messages.md lists it", () => {
    const users = files.filter((f) => /\bproblemAt\(/.test(f.text)).map((f) => f.name);
    expect(users.filter((name) => !UNLISTED.includes(name))).toEqual([]);
  });
});

describe("files", () => {
  test.each(files.map((f) => [f.name, f] as const))("%s is short and says what it owns", (_name, file) => {
    expect(file.text.split("\n").length).toBeLessThanOrEqual(600);
    expect(file.text.startsWith("// "), "opens with a comment").toBe(true);
  });

  test("nothing is left to do", () => {
    for (const file of files)
      expect(file.text, file.name).not.toMatch(/\b(TODO|FIXME|XXX)\b|@ts-(ignore|nocheck)|\bas any\b/);
  });
});
