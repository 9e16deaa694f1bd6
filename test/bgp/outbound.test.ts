// What a peer holds of the sets that all peers share ends with its tables.
import { describe, expect, it } from "vitest";
import { newCounters } from "../../src/bgp/counters.ts";
import { Outbound } from "../../src/bgp/outbound.ts";
import { AttributeSets } from "../../src/bgp/rib/attributeSets.ts";
import { Speaker } from "../../src/bgp/speaker.ts";
import { A, attributes, B, nameOf, peerTowards, vip, vip6, Watch } from "./sim/speakers.ts";
import { seeded, World } from "./sim/world.ts";

describe("shared attribute sets", () => {
  it("are let go of with a family, those of the others are kept", () => {
    const sets = new AttributeSets();
    const outbound = new Outbound(["ipv4-unicast", "ipv6-unicast"], newCounters(), sets);
    outbound.want(vip(1), attributes(1));
    outbound.want(vip6(1), attributes(2));
    expect(sets.size).toBe(2);
    outbound.setFamilies(["ipv4-unicast"]);
    expect(sets.size).toBe(1);
    outbound.discard();
    expect(sets.size).toBe(0);
  });

  it("are let go of with a peer that is removed", () => {
    const world = new World(5);
    const host = world.host(A);
    const speaker = new Speaker({ ...host, network: host, random: seeded(1), observer: new Watch() });
    speaker.setPeers([peerTowards(A, B)]);
    const runner = speaker.peer(nameOf(B));
    speaker.setRoute(nameOf(B), vip(1), attributes(1));
    expect(runner?.ribs().get("ipv4-unicast")?.wantedCount).toBe(1);
    speaker.setPeers([]);
    expect(runner?.ribs().get("ipv4-unicast")?.wantedCount).toBe(0);
  });
});
