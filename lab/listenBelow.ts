// SHELL: a listener on loopback for a router that a BGPPeer is to name. Owns the choice of its port. Knows nothing of BGP.
// Contract: the port is free and below 16384, where the API of MetalLB ends; an answer or an error after TRIES ports.
import { once } from "node:events";
import type { Server } from "node:net";

/** Those below are often somebody's. */
const FROM = 10_000;
const BELOW = 16_384;
const TRIES = 100;

/** @param address of loopback @returns the port @throws Error the system's, for the last port tried */
export async function listenBelow(server: Server, address: string): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = FROM + Math.floor(Math.random() * (BELOW - FROM));
    try {
      server.listen(port, address);
      await once(server, "listening");
      return port;
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}
