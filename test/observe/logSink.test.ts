import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLogSink } from "../../src/observe/logSink.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "log-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function fifo(): { reader: number; writer: number } {
  const path = join(directory, "pipe");
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, "r+");
  return { reader, writer: openSync(path, "w") };
}

describe("the log sink", () => {
  test("writes lines to the descriptor at once", () => {
    const path = join(directory, "log");
    const fd = openSync(path, "a");
    const sink = createLogSink(fd);
    sink.write("one\n");
    sink.write("two\n");
    expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
    expect(sink.dropped()).toBe(0);
    closeSync(fd);
  });

  test("counts and drops lines for a full disk, and neither throws nor waits", () => {
    const fd = openSync("/dev/full", "a");
    const sink = createLogSink(fd);
    const start = performance.now();
    for (let i = 0; i < 1000; i++) sink.write("line\n");
    expect(sink.dropped()).toBe(1000);
    expect(performance.now() - start).toBeLessThan(10_000);
    closeSync(fd);
  });

  test("counts lines for a reader that has closed the pipe", () => {
    const { reader, writer } = fifo();
    const sink = createLogSink(writer);
    closeSync(reader);
    sink.write("into the void\n");
    expect(sink.dropped()).toBe(1);
    closeSync(writer);
  });

  test("keeps what a slow reader does not take yet, drops beyond its limit, and loses nothing it kept", async () => {
    const { reader, writer } = fifo();
    const sink = createLogSink(writer);
    const line = `${"x".repeat(99)}\n`;
    const start = performance.now();
    for (let i = 0; i < 10_000; i++) sink.write(line);
    expect(performance.now() - start).toBeLessThan(10_000);
    const dropped = sink.dropped();
    expect(dropped).toBeGreaterThan(1000);
    let got = "";
    const slab = Buffer.alloc(65_536);
    const expected = (10_000 - dropped) * line.length;
    for (const deadline = performance.now() + 15_000; got.length < expected && performance.now() < deadline; ) {
      got += slab.toString("latin1", 0, readSync(reader, slab));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(got).toBe(line.repeat(10_000 - dropped));
    expect(sink.dropped()).toBe(dropped);
    closeSync(reader);
    closeSync(writer);
  });

  test("starts a new line after one of which only a part got out", () => {
    const { reader, writer } = fifo();
    const sink = createLogSink(writer);
    sink.write(`${"x".repeat(200_000)}\n`);
    closeSync(reader);
    sink.write("lost\n");
    expect(sink.dropped()).toBe(2);
    const again = openSync(join(directory, "pipe"), "r+");
    const slab = Buffer.alloc(262_144);
    const part = readSync(again, slab);
    expect(slab.toString("latin1", 0, part)).toBe("x".repeat(part));
    sink.write("whole\n");
    expect(slab.toString("latin1", 0, readSync(again, slab))).toBe("\nwhole\n");
    closeSync(again);
    closeSync(writer);
  });

  test("gives up on a reader that never reads within the limit of the last flush", () => {
    const { reader, writer } = fifo();
    const sink = createLogSink(writer);
    for (let i = 0; i < 1000; i++) sink.write(`${"x".repeat(99)}\n`);
    const start = performance.now();
    sink.flush(50);
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(sink.dropped()).toBeGreaterThan(0);
    closeSync(reader);
    closeSync(writer);
  });

  test("does not block on a socket that nobody reads, as with a hung system journal", async () => {
    const bundle = join(directory, "main.mjs");
    const source = join(import.meta.dirname, "../../src/observe/logSink.ts");
    buildSync({
      stdin: {
        contents: `import { createLogSink } from ${JSON.stringify(source)};
          const sink = createLogSink(1);
          for (let i = 0; i < 20_000; i++) sink.write("x".repeat(99) + "\\n");
          process.exitCode = sink.dropped() > 0 ? 7 : 1;`,
        resolveDir: import.meta.dirname,
      },
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: bundle,
    });
    // a child's stdout is a Unix socket; it stays unread
    const child = spawn(process.execPath, [bundle], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.pause();
    const code = await new Promise((resolve) => child.on("exit", resolve));
    child.stdout.destroy();
    expect(code).toBe(7);
  });
});
