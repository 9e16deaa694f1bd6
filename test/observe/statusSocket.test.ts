import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { askDaemon, type StatusPages, type StatusSocket, startStatusSocket } from "../../src/observe/statusSocket.ts";

let directory = "";
let path = "";
let running: StatusSocket | null = null;
let other: Server | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sock-"));
  path = join(directory, "s");
});
afterEach(async () => {
  await running?.stop();
  running = null;
  other?.close();
  other = null;
  rmSync(directory, { recursive: true, force: true });
});

const pages: StatusPages = {
  status: () => ({ node: "worker-1" }),
  peers: () => ({ peers: [] }),
  routes: async function* (peer) {
    yield `{"only":`;
    yield `${JSON.stringify(peer)}}`;
  },
};

async function start(over: Partial<StatusPages> = {}, onDefect: (e: unknown) => void = () => {}): Promise<void> {
  running = await startStatusSocket(path, { ...pages, ...over }, onDefect);
}

/** A program that leaves its socket file behind, as a killed daemon does. */
function leaveStaleSocket(): void {
  const program = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
  spawnSync(process.execPath, ["-e", program]);
  expect(statSync(path).isSocket()).toBe(true);
}

describe("the status socket", () => {
  test("answers the three documents", async () => {
    await start();
    expect(await askDaemon(path, "/status")).toEqual({ node: "worker-1" });
    expect(await askDaemon(path, "/peers")).toEqual({ peers: [] });
    expect(await askDaemon(path, "/routes")).toEqual({ only: null });
    expect(await askDaemon(path, "/routes?peer=tor-a")).toEqual({ only: "tor-a" });
  });

  test("C-270 belongs to its user alone, whatever the umask, and leaves the umask as it was", async () => {
    const before = process.umask(0);
    try {
      await start();
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  test("is removed on stop", async () => {
    await start();
    await running?.stop();
    running = null;
    expect(existsSync(path)).toBe(false);
  });

  test("replaces the socket of a daemon that died", async () => {
    leaveStaleSocket();
    await start();
    expect(await askDaemon(path, "/status")).toEqual({ node: "worker-1" });
  });

  test("does not take the socket of a live daemon", async () => {
    await start();
    await expect(startStatusSocket(path, pages, () => {})).rejects.toThrow(
      `--socket ${path}: another daemon answers there; stop it or choose another path`,
    );
    expect(await askDaemon(path, "/status")).toEqual({ node: "worker-1" });
  });

  test("does not remove a file that is no socket", async () => {
    writeFileSync(path, "precious");
    await expect(start()).rejects.toThrow("not a socket; remove it or choose another path");
    expect(existsSync(path)).toBe(true);
  });

  test("names the cure when the directory is missing or the path too long", async () => {
    path = join(directory, "none", "s");
    await expect(start()).rejects.toThrow("its directory does not exist");
    path = join(directory, "x".repeat(120));
    await expect(start()).rejects.toThrow("longer than 107 octets");
  });

  test("a page that throws is reported and does not end the socket", async () => {
    const defects: unknown[] = [];
    const peers = (): unknown => {
      throw new Error("boom");
    };
    await start({ peers }, (e) => void defects.push(e));
    await expect(askDaemon(path, "/peers")).rejects.toThrow("answered 500");
    expect(defects).toHaveLength(1);
    expect(await askDaemon(path, "/status")).toEqual({ node: "worker-1" });
  });
});

describe("asking a daemon", () => {
  test("that is not there says so", async () => {
    await expect(askDaemon(path, "/peers")).rejects.toThrow(`${path}: no daemon there; is it running`);
  });

  test("that died says so", async () => {
    leaveStaleSocket();
    await expect(askDaemon(path, "/peers")).rejects.toThrow("no daemon there any more");
  });

  test("at a path that is a plain file says so", async () => {
    writeFileSync(path, "");
    await expect(askDaemon(path, "/peers")).rejects.toThrow(/no daemon there any more|not a socket/);
  });

  test("that does not answer gives up after the limit, not before", async () => {
    other = createServer(() => {});
    await new Promise<void>((resolve) => other?.listen(path, resolve));
    const begin = performance.now();
    await expect(askDaemon(path, "/peers", { limitMs: 300 })).rejects.toThrow("did not answer within 0.3 s");
    expect(performance.now() - begin).toBeGreaterThan(290);
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  test("for a page it does not have, or that is something else, says so", async () => {
    await start();
    await expect(askDaemon(path, "/nothing")).rejects.toThrow("answered 404 for /nothing");
    other = createServer((s) => s.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"));
    const second = join(directory, "t");
    await new Promise<void>((resolve) => other?.listen(second, resolve));
    await expect(askDaemon(second, "/peers")).rejects.toThrow("not a vipcast daemon");
  });
});
