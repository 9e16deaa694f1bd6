// A peer that never came up and is corrected: the next attempt is made with what is configured now, and at once.
import { expect, it } from "vitest";
import type { ConnectOptions } from "../../../src/bgp/network.ts";
import type { PeerConfig } from "../../../src/bgp/session/config.ts";
import { formatIp } from "../../../src/kernel/ip.ts";
import { address } from "../session/fixtures.ts";
import { A, B, peerTowards, runnerOf, station } from "./speakers.ts";
import { World } from "./world.ts";

const NOWHERE = address(192, 0, 2, 99);

it.each([
  ["a wrong address", { address: NOWHERE }, {}],
  ["a missing password", {}, { password: "secret" }],
  ["a wrong port", { port: 1179 }, { port: 179 }],
] as const)("the attempt with %s is given up, and none more is made with it", (_what, wrong, right) => {
  const world = new World(3, { latency: [1, 1] });
  const a = station(world, A, { listens: false });
  const b = station(world, B);
  const attempts: string[] = [];
  const connect = a.host.connect.bind(a.host);
  a.host.connect = (options, handlers) => {
    attempts.push(textOf(options));
    return connect(options, handlers);
  };
  b.speaker.setPeers([peerTowards(B, A, { opens: "peer" })]);
  b.host.isBlackHole = true;
  const config = (change: Partial<PeerConfig>): PeerConfig => peerTowards(A, B, { opens: "us", ...change });
  a.speaker.setPeers([config(wrong)]);
  world.run(5_000);
  expect(attempts).toEqual([textOf(config(wrong))]);

  b.host.isBlackHole = false;
  a.speaker.setPeers([config(right)]);
  world.run(1_000);
  expect(attempts.slice(1)).toEqual([textOf(config(right))]);
  expect(runnerOf(a, B).stateName).toBe("Established");
});

const textOf = ({ address: at, port, password }: Pick<ConnectOptions | PeerConfig, "address" | "port" | "password">) =>
  `${at === null ? "?" : formatIp(at)}:${port} ${password}`;
