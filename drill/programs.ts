// The two small programs of the drill, run inside namespaces: a worker's web server on the VIP, and the client that asks for a
// page every few milliseconds. Owns what they print. Contract: one connection per request, so that every request takes
// the path of its moment; one line per request on stdout; they run until they are ended.
import { createServer, request } from "node:http";

/** Milliseconds between two requests of the client. */
export const PROBE_EVERY = 10;
/** Milliseconds after which a request is lost: below the second after which TCP sends its SYN again. */
export const PROBE_LIMIT = 900;
const PORT = 80;

/** Wall clock in milliseconds, with fractions: comparable between the programs of one machine. */
export const wallNow = (): number => performance.timeOrigin + performance.now();

/** Serves a page with its own name on every address of the host. */
export function runWeb(name: string): void {
  createServer((_request, response) => {
    response.setHeader("connection", "close");
    response.end(name);
  }).listen(PORT, "0.0.0.0");
}

/** A request that was lost, and the system's word for it where it has one. */
const lostBy = (error: Error): string => `-${"code" in error ? String(error.code) : ""}`;

/** Asks `address` for its page on a fixed schedule. A line: when it began, how long it took, and who answered or `-`, with the fault. */
export function runProbe(address: string): void {
  const ask = (): void => {
    const began = wallNow();
    let isOver = false;
    const end = (who: string): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(limit);
      process.stdout.write(`${began.toFixed(1)} ${(wallNow() - began).toFixed(1)} ${who}\n`);
    };
    const asked = request({ host: address, port: PORT, agent: false }, (response) => {
      let text = "";
      response.setEncoding("latin1");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => end(text === "" ? "-" : text));
      response.on("error", (error) => end(lostBy(error)));
    });
    asked.on("error", (error) => end(lostBy(error)));
    asked.end();
    const limit = setTimeout(() => {
      end("-");
      asked.destroy();
    }, PROBE_LIMIT);
  };
  const started = performance.now();
  let count = 0;
  const next = (): void => {
    // a late timer does not thin out the schedule, and a long stall does not end in a burst
    const due = Math.floor((performance.now() - started) / PROBE_EVERY);
    if (due - count > 20) count = due - 1;
    while (count < due) {
      count++;
      ask();
    }
    setTimeout(next, Math.max(1, started + (count + 1) * PROBE_EVERY - performance.now()));
  };
  next();
}
