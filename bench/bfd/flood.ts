// What floods of packets that are not the peer's do to a session of the shortest interval: how many reach our thread, what
// they cost it, and whether a session moves. Owns the lab with a third host that floods. Knows no packets (lab/bfdFlood.ts).
// Contract: the flood is sent by a process on the same two cores.
import { FLOOD_TEXTS, FLOODS, type Flood, flood } from "../../lab/bfdFlood.ts";
import { BfdSpeaker, upsert } from "../../lab/bfdSpeaker.ts";
import { bfdPeer } from "../../lab/frrBfd.ts";
import { ROUTER, SPEAKER } from "../../lab/topologies/bfdPair.ts";
import type { BenchOptions } from "../bench.ts";
import { type Result, resultOf } from "../report.ts";
import { roleCommand } from "../roles.ts";
import { latenessResults, since } from "./lateness.ts";
import { routerAt } from "./load.ts";
import { MULTIPLIER, nameOf } from "./names.ts";

const INTERVAL_MS = 10;
const RATE = 100_000;
const STRANGER = "192.0.2.66/24";

export async function floods({ quick, progress }: BenchOptions): Promise<readonly Result[]> {
  const seconds = quick ? 1 : 10;
  const results: Result[] = [];
  const pair = await routerAt(INTERVAL_MS);
  try {
    const stranger = pair.lab.host("stranger");
    pair.lab.attach(stranger, "segment", STRANGER);
    const speaker = new BfdSpeaker(pair.speaker, roleCommand("@bfd", "fifo"));
    const profile = { transmitInterval: INTERVAL_MS, receiveInterval: INTERVAL_MS, detectMultiplier: MULTIPLIER };
    speaker.command(upsert({ peer: ROUTER.v4, profile }));
    const isSettled = (s: { readonly detectionTime: number | null }): boolean =>
      s.detectionTime === INTERVAL_MS * MULTIPLIER * 1_000;
    const session = await speaker.until("Up", ROUTER.v4, isSettled, 20_000);
    const run = async (name: string, kinds: readonly Flood[], rate: number): Promise<void> => {
      progress(`flood: ${name}`);
      const losses = async () =>
        ((await bfdPeer(pair.router, SPEAKER.v4))?.downs ?? 0) +
        ((await speaker.session(ROUTER.v4))?.counters.downEvents ?? 0);
      const [lostBefore, before, began] = [await losses(), await speaker.answer(), performance.now()];
      const options = { kinds, to: SPEAKER.v4, discr: session?.localDiscr ?? 0, rate, seconds };
      const sent = await flood(stranger, roleCommand("@flood"), options);
      const [after, took] = [await speaker.answer(), (performance.now() - began) / 1_000];
      const what = `${nameOf(INTERVAL_MS)}, flood, ${name}`;
      const row = (figure: string, unit: string, value: number): void =>
        void results.push(resultOf(`${what}: ${figure}`, "vipcast", unit, [value]));
      row("sent", "packets/s", sent.sent / sent.seconds);
      row("read and dropped by the thread", "packets/s", (after.datagramsIn - before.datagramsIn) / sent.seconds);
      row("dropped by the kernel for us", "packets/s", (after.kernelDrops - before.kernelDrops) / sent.seconds);
      row("processor time of our process, of one core", "%", (after.microseconds - before.microseconds) / 1e4 / took);
      row("sessions lost, seen at either end", "downs", (await losses()) - lostBefore);
      results.push(...latenessResults(what, since(before.lateness, after.lateness)));
    };
    await run("none", [], RATE);
    for (const kind of quick ? (["guess"] as const) : FLOODS) await run(FLOOD_TEXTS[kind], [kind], RATE);
    await run("all of them, as fast as one core sends", FLOODS, 0);
  } finally {
    await pair.lab.close();
  }
  return results;
}
