// One side of a plan in pieces: joined they are what `planSide` gives, and none of them is big.
import { expect, test } from "vitest";
import { planSide } from "../../src/announce/plan.ts";
import { decideAll } from "../../src/announce/reference.ts";
import type { ConfigProblem } from "../../src/kernel/problem.ts";
import { planSideText } from "../../src/observe/planStream.ts";
import { adv, options, peer, pool, service, slice, storeOf } from "../announce/builders.ts";

const hide = (secret: string): string => `hidden ${secret.length}`;
const problem: ConfigProblem = {
  severity: "warning",
  kind: "Service",
  namespace: "default",
  name: "x",
  path: "spec",
  message: "m",
  hint: "h",
};

function sideOf(services: number) {
  const names = Array.from({ length: services }, (_, i) => `s${i}`);
  const objects = names.flatMap((name, i) => [service(name, [`10.0.${i >>> 8}.${i & 255}`]), slice(name)]);
  const peers = [peer("b", "192.0.2.2", { password: "secret" }), peer("a", "192.0.2.1", { passwordSecret: "nowhere" })];
  const table = decideAll(storeOf(pool("p", ["10.0.0.0/16"]), adv("all"), ...peers, ...objects), options());
  return { pieces: [...planSideText(table, [problem], hide)], plain: planSide(table, [problem], hide) };
}

test.each([0, 1, 127, 128, 129, 3000])("%d services", (count) => {
  const { pieces, plain } = sideOf(count);
  const texts = pieces.filter((piece) => piece !== undefined);
  expect(JSON.parse(texts.join(""))).toEqual(plain);
  expect(Math.max(...texts.map((t) => t.length))).toBeLessThan(64 * 1024);
  if (count === 3000) expect(pieces.length - texts.length, "places to rest").toBeGreaterThan(10);
});
