import { request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import {
  createBoundedServer,
  HTTP_LIMITS,
  ListenError,
  stopServer,
  textPage,
} from "../../src/observe/boundedServer.ts";
import { type HttpInput, type HttpServer, startHttp } from "../../src/observe/http.ts";

let server: HttpServer | null = null;
const defects: unknown[] = [];
afterEach(async () => {
  await server?.stop();
  server = null;
  defects.length = 0;
});

async function start(input: Partial<HttpInput> = {}): Promise<HttpServer> {
  server = await startHttp(
    { host: "127.0.0.1", port: 0 },
    {
      metrics: async () => "metallb_bgp_session_up 1\n",
      notReady: () => null,
      onDefect: (error) => void defects.push(error),
      ...input,
    },
  );
  return server;
}

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly allow: string | undefined;
  readonly body: string;
}

function ask(port: number, path: string, method = "GET", headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += String(chunk);
      });
      response.on("end", () => {
        const { "content-type": type, allow } = response.headers;
        resolve({ status: response.statusCode, type, allow, body });
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** Sends octets and returns what comes until the server closes. */
function raw(port: number, octets: string): Promise<{ text: string; ms: number }> {
  return new Promise((resolve) => {
    const begin = performance.now();
    const socket = connect(port, "127.0.0.1", () => socket.write(octets));
    let text = "";
    socket.on("data", (chunk) => {
      text += String(chunk);
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve({ text, ms: performance.now() - begin }));
  });
}

describe("the HTTP pages", () => {
  test("/metrics gives the metrics in Prometheus' text form", async () => {
    const { port } = await start();
    expect(await ask(port, "/metrics")).toMatchObject({
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
      body: "metallb_bgp_session_up 1\n",
    });
  });

  test("/healthz is 200 also while not ready; /readyz is 503 with the reason until then", async () => {
    let missing: string | null = "the manifests have not been read yet";
    const { port } = await start({ notReady: () => missing });
    expect(await ask(port, "/healthz")).toMatchObject({ status: 200, body: "ok\n" });
    expect(await ask(port, "/readyz")).toMatchObject({
      status: 503,
      body: "not ready: the manifests have not been read yet\n",
    });
    missing = null;
    expect(await ask(port, "/readyz")).toMatchObject({ status: 200, body: "ok\n" });
  });

  test("a query is ignored, HEAD has no body", async () => {
    const { port } = await start();
    expect(await ask(port, "/healthz?verbose=1")).toMatchObject({ status: 200 });
    expect(await ask(port, "/healthz", "HEAD")).toMatchObject({ status: 200, body: "" });
  });

  test.each(["/", "/metrics/", "//metrics", "/../metrics", "/%6detrics", "/metrics%00", "/healthz/../readyz", "*"])(
    "C-270 the path %s is not found",
    async (path) => {
      const { port } = await start();
      expect(await ask(port, path)).toMatchObject({ status: 404 });
    },
  );

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])("C-270 %s is not allowed", async (method) => {
    const { port } = await start();
    expect(await ask(port, "/metrics", method)).toMatchObject({ status: 405, allow: "GET, HEAD" });
  });

  test("a page that throws is a 500, is reported, and the next request works", async () => {
    let broken = true;
    const { port } = await start({
      metrics: async () => {
        if (broken) throw new Error("secret detail");
        return "fine";
      },
    });
    const answer = await ask(port, "/metrics");
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain("secret");
    expect(defects).toHaveLength(1);
    broken = false;
    expect(await ask(port, "/metrics")).toMatchObject({ status: 200, body: "fine" });
  });
});

describe("C-270 a hostile client", () => {
  test("with a huge path or header is refused", async () => {
    const { port } = await start();
    expect(await ask(port, `/${"x".repeat(20_000)}`)).toMatchObject({ status: 431 });
    expect(await ask(port, "/healthz", "GET", { "x-much": "y".repeat(20_000) })).toMatchObject({ status: 431 });
  });

  test("that never finishes its request is closed after the limit", async () => {
    const { port } = await start();
    const { text, ms } = await raw(port, "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow:");
    expect(text).toMatch(/^(HTTP\/1\.1 408 .*)?/);
    expect(ms).toBeGreaterThan(HTTP_LIMITS.requestMs * 0.9);
    expect(ms).toBeLessThan(HTTP_LIMITS.requestMs + 10_000);
  });

  test("that speaks no HTTP is closed at once", async () => {
    const { port } = await start();
    const { text, ms } = await raw(port, "\u0016\u0003\u0001 hello\r\n\r\n");
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(ms).toBeLessThan(HTTP_LIMITS.requestMs);
  });

  test("that sends a body is answered and closed", async () => {
    const { port } = await start();
    const { text } = await raw(port, "GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nxx");
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text.toLowerCase()).toContain("connection: close");
  });

  test("that goes away within a body is no defect of ours", async () => {
    const bounded = createBoundedServer(new Map([["POST /x", () => textPage(200, "ok")]]), (e) => void defects.push(e));
    await new Promise<void>((resolve) => bounded.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = bounded.address() as AddressInfo;
      const gone = new Promise<void>((resolve) => {
        bounded.once("request", (asked) => {
          asked.once("close", resolve);
          client.destroy();
        });
      });
      const client = connect(port, "127.0.0.1", () =>
        client.write("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nx"),
      );
      await gone;
      expect(await ask(port, "/x", "POST")).toMatchObject({ status: 200 });
      expect(defects).toEqual([]);
    } finally {
      await stopServer(bounded);
    }
  });

  test("that opens connections without end gets the limit and no more", async () => {
    const { port } = await start();
    const sockets = Array.from({ length: HTTP_LIMITS.connections + 20 }, () => connect(port, "127.0.0.1"));
    for (const s of sockets) s.on("error", () => {});
    expect(await waitFor(() => sockets.filter((s) => s.closed).length >= 20)).toBe(true);
    expect(sockets.filter((s) => !s.closed).length).toBe(HTTP_LIMITS.connections);
    for (const s of sockets) s.destroy();
    // the server learns of the closed ones in its own time
    const answer = () => ask(port, "/healthz").catch(() => null);
    await expect.poll(answer, { timeout: 15_000 }).toMatchObject({ status: 200 });
  });
});

async function waitFor(claim: () => boolean): Promise<boolean> {
  for (const end = performance.now() + 15_000; performance.now() < end; ) {
    if (claim()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

describe("an address that cannot be bound", () => {
  test("names the flag and the cure when it is taken", async () => {
    const { port } = await start();
    const again = startHttp(
      { host: "127.0.0.1", port },
      { metrics: async () => "", notReady: () => null, onDefect: () => {} },
    );
    await expect(again).rejects.toThrow(
      `--metrics 127.0.0.1:${port}: another process listens there already; stop it or choose another port`,
    );
    await expect(again).rejects.toBeInstanceOf(ListenError);
  });

  test("names the flag and the cure when this host does not have it", async () => {
    const elsewhere = startHttp(
      { host: "192.0.2.77", port: 0 },
      { metrics: async () => "", notReady: () => null, onDefect: () => {} },
    );
    await expect(elsewhere).rejects.toThrow("--metrics 192.0.2.77:0: this host has no such address");
  });
});
