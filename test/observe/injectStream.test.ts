// A stream of inject commands over the status socket: where lines are cut, and what is no stream.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Conversation, MAX_LINE_OCTETS } from "../../src/inject/conversation.ts";
import { Injections } from "../../src/inject/injections.ts";
import { PeerName } from "../../src/kernel/units.ts";
import { openStream } from "../../src/observe/injectClient.ts";
import { type StatusSocket, startStatusSocket } from "../../src/observe/statusSocket.ts";

let directory = "";
let running: StatusSocket;
const defects: unknown[] = [];
const routes: string[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "inject-"));
  defects.length = 0;
  routes.length = 0;
  const tor = PeerName("tor");
  const setRoute = (_: unknown, prefix: { readonly length: number }): void => void routes.push(`/${prefix.length}`);
  const injections = new Injections({ decided: () => null, setRoute }, true);
  injections.setPeers([tor], [{ name: tor, families: ["ipv4-unicast"], address: null }], [tor]);
  const inject = {
    converse: (json: boolean) => new Conversation(injections, { json }),
    flush: () => {},
    saved: async () => null,
  };
  const pages = { status: () => ({}), peers: () => ({}), routes: async function* () {}, inject };
  running = await startStatusSocket(join(directory, "s"), pages, (error) => void defects.push(error));
});
afterEach(async () => {
  await running.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Says it all and hears the answers. */
async function said(words: string): Promise<string> {
  const stream = await openStream(join(directory, "s"), false);
  stream.end(words);
  return text(stream);
}

test("each line has its answer, the last one also without a newline", async () => {
  expect(await said("add 192.0.2.0/24\nadd 198.51.100.0/24\nadd 203.0.113.0/25")).toBe("ok\nok\nok\n");
  expect(routes).toEqual(["/24", "/24", "/25"]);
});

const TOO_LONG = `error line 1: longer than ${MAX_LINE_OCTETS} octets. Split it.\n`;

test("the end of a line that is too long is no line of its own", async () => {
  const long = `#${" ".repeat(MAX_LINE_OCTETS + 200_000)}`;
  // none of it may be read as a command, wherever the pieces were cut
  expect(await said(`${long}\nadd 192.0.2.0/24\n`)).toBe(`${TOO_LONG}ok\n`);
  expect(await said(`${long}${"\radd 203.0.113.0/25".repeat(20_000)}`)).toBe(TOO_LONG);
  expect(routes).toEqual(["/24"]);
});

test("an upgrade of what is no address is refused, and neither a defect of ours nor in the way of a stop", async () => {
  // a client that does not end its side, whatever it hears
  const socket = connect({ path: join(directory, "s"), allowHalfOpen: true });
  socket.write("GET // HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: vipcast-inject\r\n\r\n");
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 404 /);
  await running.stop();
  expect(defects).toEqual([]);
  socket.destroy();
});
