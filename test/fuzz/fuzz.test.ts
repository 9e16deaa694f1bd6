// One second of fuzzing in every run of the unit tests, and the corpus; `npm run fuzz` does more. Seeds are printed: the same
// seed in VIPCAST_FUZZ_SEED gives the same inputs.
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodeMessage } from "../../src/bgp/wire/codec.ts";
import { fromHex, toHex } from "../../src/kernel/text.ts";
import { readCorpus, replay } from "./corpus.ts";
import { fuzz, mulberry32, SEEDS, SESSIONS } from "./fuzz.ts";
import { statesOf, tryRunner } from "./runner.ts";

const seconds = Number(process.env.VIPCAST_FUZZ_SECONDS ?? 1);
const seed = Number(process.env.VIPCAST_FUZZ_SEED ?? Date.now() % 0x1_0000_0000);

test("the seeds are sound, so that mutation starts from where it matters", () => {
  for (const text of SEEDS) {
    const bytes = fromHex(text) ?? new Uint8Array(0);
    const accepted = SESSIONS.some((session) => {
      const r = decodeMessage(bytes[18] ?? 0, bytes.subarray(19), session);
      return r.ok && (r.value.type !== "update" || (session !== null && r.value.verdict === "accept"));
    });
    expect(accepted, text).toBe(true);
  }
});

test(
  `C-267 C-268 ${seconds} s of hostile streams with seed ${seed}`,
  () => {
    const { runs, failures } = fuzz(seconds, seed);
    expect(failures).toEqual([]);
    expect(runs).toBeGreaterThan(10);
  },
  seconds * 1000 + 20_000,
);

test(`C-267 C-268 whole peers under random scripts with seed ${seed}`, () => {
  const random = mulberry32(seed);
  const reached = new Set<string>();
  for (let i = 0; i < 1_000; i++) {
    const script = Uint8Array.from({ length: 20 + Math.floor(random() * 200) }, () => Math.floor(random() * 256));
    expect(tryRunner(script), toHex(script)).toBeNull();
    for (const state of statesOf(script)) reached.add(state);
  }
  expect([...reached].sort()).toEqual(["Active", "Connect", "Established", "Idle", "OpenConfirm", "OpenSent"]);
});

test("C-268 what failed once does not fail again", () => {
  for (const row of readCorpus(join(import.meta.dirname, "corpus"))) expect(replay(row), row.name).toBeNull();
});
