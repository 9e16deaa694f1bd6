// SHELL: GoBGP's command-line client, the interface that its documentation shows for changing a route. Owns how the table
// gets in. Contract: as in injector.ts.
import { GobgpInjector } from "../gobgp.ts";
import { addressOf, dottedQuad } from "../inject/table.ts";
import type { Way } from "./injector.ts";

export const gobgpCli: Way = {
  who: "gobgp",
  how: "`gobgp global rib add` and `del`",
  async start(workshop, sinkPort, count) {
    const gobgp = new GobgpInjector(workshop, sinkPort);
    const program = await gobgp.start();
    const change = (route: number, verb: "add" | "del"): Promise<string> => {
      const prefix = `${dottedQuad(addressOf(route))}/32`;
      return gobgp.client(["global", "rib", verb, prefix, ...(verb === "add" ? NEXT_HOP : [])]);
    };
    // it has no other way in than its API: ten clients at a time fill the table
    for (let i = 0; i < count; i += 10) {
      await Promise.all(Array.from({ length: Math.min(10, count - i) }, (_, k) => change(i + k, "add")));
    }
    return {
      program,
      prepare: (route, isAnnounced) => () => change(route, isAnnounced ? "add" : "del"),
      ownFigures: () => [],
      close() {},
    };
  },
};

const NEXT_HOP = ["nexthop", "127.0.0.2"];
