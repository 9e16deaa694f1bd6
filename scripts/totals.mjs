// Prints what a reader of the last screen must know of vitest's results: what was skipped and why, what passed only at its
// second try, what failed and how; then the totals as the one plain line that machines read.
import { readFileSync } from "node:fs";

const results = JSON.parse(readFileSync(process.argv[2], "utf8"));
const tests = results.testResults.flatMap((file) => file.assertionResults);
const inState = (...states) => tests.filter((test) => states.includes(test.status));
const firstLine = (text) => (text ?? "").split("\n", 1)[0];

const skipped = inState("pending", "skipped", "todo");
/** A suite that skips says why in its name, `(skipped: …)`: one line for each reason. */
const reasons = new Map();
for (const test of skipped) reasons.set(reasonOf(test), [...(reasons.get(reasonOf(test)) ?? []), test]);
for (const [reason, group] of reasons)
  console.log(group.length === 1 ? `skipped: ${group[0].fullName}` : `skipped ${group.length} tests: ${reason}`);

const passed = inState("passed");
for (const test of passed.filter((test) => test.failureMessages.length > 0))
  console.log(`passed at the second try only: ${test.fullName}: ${firstLine(test.failureMessages[0])}`);

const failed = inState("failed");
const brokenFiles = results.testResults.filter(
  (file) => file.status === "failed" && file.assertionResults.length === 0,
);
for (const test of failed)
  console.log(`FAILED: ${test.fullName}\n  ${test.failureMessages.join("\n").slice(0, 2000).replaceAll("\n", "\n  ")}`);
for (const file of brokenFiles) console.log(`FAILED as a whole: ${file.name}: ${firstLine(file.message)}`);
console.log(`${passed.length} passed, ${failed.length + brokenFiles.length} failed, ${skipped.length} skipped`);

function reasonOf(test) {
  return /\(skipped: (.*?)\)(?= |$)/.exec(test.fullName)?.[1] ?? test.ancestorTitles[0] ?? test.fullName;
}
