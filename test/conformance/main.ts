// `npm run conformance`: prints the requirements with what proves them, writes docs/conformance.md, and holds the numbers found
// in the files against the titles that vitest really has. Exit 1 when they differ. Owns the print-out only.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { answers, renderConformanceDoc, type State, scanTests, total } from "./coverage.ts";

interface Listed {
  readonly name: string;
  readonly file: string;
}

/** Numbers by file in the titles of all tests, also of those that this machine would skip. */
function titlesOfVitest(): ReadonlySet<string> {
  const { stdout, status } = spawnSync("npx", ["--no-install", "vitest", "list", "--json"], {
    encoding: "utf8",
    maxBuffer: 64 << 20,
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (status !== 0) throw new Error("vitest list failed");
  const tests = JSON.parse(stdout.slice(stdout.indexOf("["))) as readonly Listed[];
  return new Set(
    tests.flatMap(({ name, file }) =>
      (name.match(/\bC-\d{3}\b/g) ?? []).map((id) => `${id} ${file.slice(file.indexOf("/test/") + 6)}`),
    ),
  );
}

const tests = scanTests();
const list = answers(tests);
for (const { requirement, state, files, note } of list) {
  const level = `${requirement.level}${requirement.isStarred ? "*" : " "}`;
  const where = [note, ...files].filter((w) => w !== "").join("; ");
  console.log(
    `${requirement.id} ${level} ${state.padEnd(9)} ${requirement.text}${where === "" ? "" : `\n           ${where}`}`,
  );
}
const states: readonly State[] = ["covered", "deviating", "open"];
console.log(`${list.length} requirements: ${states.map((s) => `${total(list, s)} ${s}`).join(", ")}`);
writeFileSync("docs/conformance.md", renderConformanceDoc());

const real = titlesOfVitest();
const inFiles = [...tests].flatMap(([id, files]) => files.map((file) => `${id} ${file}`));
const untrue = inFiles.filter((entry) => !real.has(entry));
for (const entry of untrue) console.error(`${entry}: the number is in the file, but in the title of no test`);
process.exitCode = untrue.length > 0 ? 1 : 0;
