// FRR's command line without the vtysh program: one exchange over a daemon's own Unix socket takes 0.2 ms, a vtysh call
// 25 ms of CPU, which matters when a test polls. Owns the framing. Knows nothing of what is asked.
// Contract: one connection per call; ends within the time limit; the answer is cut at a limit, never collected without end.
import { connect } from "node:net";

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 256 << 20;
const OK = 0;

/** The daemon did not understand or refused the command, or could not be asked. */
export class VtyError extends Error {
  override readonly name = "VtyError";
}

/**
 * Asks one FRR daemon in enable mode.
 * @param socketPath e.g. `.../bgpd.vty`
 * @throws VtyError
 */
export function askVty(socketPath: string, command: string, timeoutMs = TIMEOUT_MS): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let entered = false;
    const socket = connect(socketPath);
    const fail = (why: string): void => {
      socket.destroy();
      reject(new VtyError(`${socketPath}: ${command}: ${why}`));
    };
    const timer = setTimeout(() => fail(`no answer in ${timeoutMs} ms`), timeoutMs);
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new VtyError(`${socketPath}: ${command}: connection closed`));
    });
    socket.on("error", (error) => fail(error.message));
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_ANSWER) return fail("answer too long");
      const status = statusOf(chunk, chunks, size);
      if (status === null) return;
      if (!entered) {
        entered = true;
        chunks.length = 0;
        size = 0;
        socket.write(`${command}\0`);
        return;
      }
      const answer = Buffer.concat(chunks).toString("utf8", 0, size - 4);
      if (status !== OK) return fail(answer.trim());
      socket.destroy();
      resolve(answer);
    });
    socket.write("enable\0");
  });
}

/** An answer ends with three zero octets and a status octet; text holds no zero octet. null: not yet complete. */
function statusOf(last: Buffer, chunks: readonly Buffer[], size: number): number | null {
  if (size < 4) return null;
  const end = last.length >= 4 ? last : Buffer.concat(chunks);
  return end.readUIntBE(end.length - 4, 3) === 0 ? (end.at(-1) ?? null) : null;
}
