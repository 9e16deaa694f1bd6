// How much of one turn a peer can take that sends without pause, over a real socket.
import net from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { READ_AT_ONCE, TcpNetwork } from "../../src/bgp/transport.ts";

const OCTETS = 8 << 20;

it("C-263 what a peer sends without pause is read in small parts, between which others have their turn", async () => {
  let sum = 0;
  let ofThisTurn = 0;
  let most = 0;
  const server = net.createServer((socket) => {
    new TcpNetwork().adopt(socket, {
      connected() {},
      data(bytes) {
        sum += bytes.length;
        ofThisTurn += bytes.length;
        most = Math.max(most, ofThisTurn);
      },
      fill: () => 0,
      sent() {},
      closed() {},
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const peer = net.connect({ port, host: "127.0.0.1" });
  try {
    peer.write(new Uint8Array(OCTETS));
    while (sum < OCTETS) {
      await nextTurn();
      ofThisTurn = 0;
    }
  } finally {
    peer.destroy();
    server.close();
  }
  expect(sum).toBe(OCTETS);
  // Node may have read one chunk more when it is told to wait
  expect(most).toBeLessThanOrEqual(2 * READ_AT_ONCE);
});
