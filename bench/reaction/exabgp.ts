// SHELL: ExaBGP's text interface: commands through the pipe of a process that it runs. Owns the commands.
// Contract: as in injector.ts.
import { ExabgpInjector } from "../exabgp.ts";
import { addressOf, dottedQuad } from "../inject/table.ts";
import type { Way } from "./injector.ts";

export const exabgpPipe: Way = {
  who: "exabgp",
  how: "command written into its pipe",
  async start(workshop, sinkPort, count) {
    const route = (i: number): string => `route ${dottedQuad(addressOf(i))}/32 next-hop 127.0.0.2`;
    const lines = Array.from({ length: count }, (_, i) => `${route(i)};`);
    const exabgp = new ExabgpInjector(workshop, sinkPort, lines);
    return {
      program: exabgp.program,
      prepare(i, isAnnounced) {
        const command = `${isAnnounced ? "announce" : "withdraw"} ${route(i)}`;
        return () => exabgp.command(command);
      },
      ownFigures: () => [],
      close: () => exabgp.close(),
    };
  },
};
