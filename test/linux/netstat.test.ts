import { describe, expect, test } from "vitest";
import { parseNetstat, readTcpDrops } from "../../src/linux/netstat.ts";

describe("the kernel's counters of dropped segments", () => {
  test.each([
    [
      "are found by name, wherever they stand",
      "TcpExt: SyncookiesSent TCPMD5Failure TCPMinTTLDrop TCPMD5NotFound\nTcpExt: 1 2 3 4\nIpExt: InOctets\nIpExt: 9\n",
      { TCPMD5NotFound: 4, TCPMD5Failure: 2, TCPMinTTLDrop: 3 },
    ],
    ["are absent where the kernel does not count them", "TcpExt: SyncookiesSent\nTcpExt: 1\n", {}],
    ["are absent when the lines do not fit", "TcpExt: TCPMD5Failure\nIpExt: 1\n", {}],
    ["are absent when a value is none", "TcpExt: TCPMD5Failure\nTcpExt: x\n", {}],
    ["are absent in an empty file", "", {}],
  ])("%s", (_what, text, expected) => {
    expect(parseNetstat(text)).toEqual(expected);
  });

  test("a missing file is no error", () => {
    expect(readTcpDrops("/nonexistent/netstat")).toEqual({});
  });
});
