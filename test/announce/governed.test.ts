// Which services could announce a prefix under a policy: the last one that leaves is told, and no other.
import { expect, test } from "vitest";
import { Governed } from "../../src/announce/governed.ts";
import { formatPrefix } from "../../src/kernel/ip.ts";
import { ServiceKey } from "../../src/kernel/units.ts";
import { vip } from "../bgp/sim/speakers.ts";

const [web, api] = [ServiceKey("default", "web"), ServiceKey("default", "api")];
const at = (policy: string, n: number) => ({ policy, prefixKey: formatPrefix(vip(n)), prefix: vip(n) });

test("a prefix is free when its last service leaves, under each policy for itself", () => {
  const governed = new Governed();
  governed.add(at("p", 1), web);
  governed.add(at("p", 1), api);
  governed.add(at("p", 1), api);
  governed.add(at("q", 1), web);
  expect([...governed.servicesOf(at("p", 1))]).toEqual([web, api]);
  expect(governed.remove(at("p", 2), web)).toBe(false);
  expect(governed.remove(at("p", 1), web)).toBe(false);
  expect(governed.remove(at("p", 1), web)).toBe(false);
  expect(governed.remove(at("p", 1), api)).toBe(true);
  expect([...governed.servicesOf(at("p", 1))]).toEqual([]);
  expect([...governed.servicesOf(at("q", 1))]).toEqual([web]);
});
