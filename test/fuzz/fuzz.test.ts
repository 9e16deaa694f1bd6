// One second of fuzzing in every run of the unit tests; VIPCAST_FUZZ_SECONDS and VIPCAST_FUZZ_SEED ask for more.
import { expect, test } from "vitest";
import { decodeMessage } from "../../src/bgp/wire/codec.ts";
import { fromHex } from "../../src/kernel/text.ts";
import { fuzz, SEEDS, SESSIONS } from "./fuzz.ts";

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
