// SHELL: strangers at the door: opens connections from addresses that are no peers, as fast as one process can. Owns the count of
// what became of them. Contract: a bounded number at a time; one that gets no answer is given up; on loopback alone.
import net from "node:net";
import { say } from "../roles.ts";

const AT_A_TIME = 256;
const PATIENCE_MS = 100;
const SOURCES = 100;

/** Says `knocked` when all have been tried. */
export function runKnocks(port: number, total: number): void {
  const since = performance.now();
  let begun = 0;
  let answered = 0;
  let ended = 0;
  const next = (): void => {
    if (begun === total) return;
    const localAddress = `127.0.2.${1 + (begun % SOURCES)}`;
    begun++;
    const socket = net.connect({ port, host: "127.0.0.1", localAddress });
    let isGivenUp = false;
    const patience = setTimeout(() => {
      isGivenUp = true;
      socket.destroy();
    }, PATIENCE_MS);
    socket.on("error", () => {}); // "close" follows
    socket.once("close", () => {
      clearTimeout(patience);
      // taken and closed at once may look like a reset connection or like one that was never made
      if (!isGivenUp) answered++;
      ended++;
      if (ended === total) say("knocked", { answered, ms: performance.now() - since });
      else next();
    });
  };
  for (let i = 0; i < AT_A_TIME; i++) next();
}
