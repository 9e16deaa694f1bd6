// What the bench reads from the wire of a path that is cut: when packets come as negotiated, and how a session ended.
import { describe, expect, it } from "vitest";
import { Wire } from "../../bench/bfd/cut.ts";

const [US, ROUTER] = ["192.0.2.1", "192.0.2.2"] as const;
const [DOWN, UP] = ["0x01", "0x03"] as const;

type Row = Readonly<Record<string, string>>;

/** A BFD packet. @param at milliseconds */
const bfd = (at: number, from: string, state: string = UP, more: Row = {}): Row => ({
  "frame.time_epoch": String(at / 1_000),
  "ip.src": from,
  "bfd.sta": state,
  "bfd.flags.p": "0",
  "bfd.desired_min_tx_interval": "50000",
  "bgp.type": "",
  ...more,
});
const bgp = (at: number, from: string, types: string): Row => ({
  "frame.time_epoch": String(at / 1_000),
  "ip.src": from,
  "bgp.type": types,
});

const wire = (rows: readonly Row[]): Wire =>
  new Wire({ rows: () => rows, stop: async () => {} }, { speakerAddress: US, routerAddress: ROUTER });

/** Both send every so often. */
const steady = (every: number, more: Row = {}): readonly Row[] =>
  Array.from({ length: 10 }, (_, i) => [bfd(1_000 + i * every, US), bfd(1_001 + i * every, ROUTER, UP, more)]).flat();

describe("packets as negotiated", () => {
  it.each([
    { name: "come at the interval", rows: steady(50), is: true },
    { name: "come faster, for jitter", rows: steady(40), is: true },
    { name: "do not come at the slow start's pace", rows: steady(1_000), is: false },
    { name: "are not those of a poll", rows: steady(50, { "bfd.flags.p": "1" }), is: false },
    {
      name: "do not ask for another interval",
      rows: steady(50, { "bfd.desired_min_tx_interval": "1000000" }),
      is: false,
    },
    { name: "do not say Init", rows: steady(50, { "bfd.sta": "0x02" }), is: false },
    { name: "are more than three", rows: steady(50).slice(0, 6), is: false },
  ])("$name", ({ rows, is }) => {
    expect(wire(rows).isFast(50)).toBe(is);
  });
});

describe("the end of a session", () => {
  const before = [bgp(900, US, "3"), bfd(950, US, DOWN), bfd(990, ROUTER), bfd(1_010, ROUTER)];

  it("is our first Down and our first NOTIFICATION after the cut, and what came last from the router before that", () => {
    const after = [
      bfd(1_140, US),
      bfd(1_160, US, DOWN),
      bgp(1_161, US, "2,3"),
      bfd(1_190, US, DOWN),
      bfd(1_500, ROUTER),
    ];
    const ending = wire([...before, ...after]).ending(1_000);
    expect(ending?.down).toBeCloseTo(1_160);
    expect(ending?.cease).toBeCloseTo(1_161);
    expect(ending?.lastHeard).toBeCloseTo(1_010);
  });

  it.each([
    { name: "without a Cease", after: [bfd(1_160, US, DOWN)] },
    { name: "with the router's Cease alone", after: [bfd(1_160, US, DOWN), bgp(1_161, ROUTER, "3")] },
    { name: "without a Down", after: [bgp(1_161, US, "3")] },
  ])("is not seen $name", ({ after }) => {
    expect(wire([...before, ...after]).ending(1_000)).toBeNull();
  });
});
