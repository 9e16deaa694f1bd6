// The API server for tests as a program of its own, so that it can stand on another host of a lab and has a processor's time to itself.
// Owns the door by which its owner steers it: a Unix socket, which reaches across network namespaces, with one JSON line for each
// call and one for each answer. Knows nothing of labs. Contract: `node apiServer.js OPTIONS-FILE`; calls are done in their order, each
// answer carries the monotonic nanoseconds at which its call began; the program ends when its owner closes the last connection.
import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { type ApiServer, startApiServer } from "../test/kube/apiServer.ts";
import type { ArmedFault } from "../test/kube/faults.ts";
import type { ServerAnswer, ServerCall, ServerProgramOptions } from "./apiServerCalls.ts";

const [file = ""] = process.argv.slice(2);
const { control, ...options } = JSON.parse(readFileSync(file, "utf8")) as ServerProgramOptions;
const server = await startApiServer(options);
const armed: ArmedFault[] = [];

async function perform(server: ApiServer, call: ServerCall): Promise<unknown> {
  switch (call.call) {
    case "url":
      return server.url;
    case "apply":
      for (const object of call.objects) server.apply(object);
      return null;
    case "delete":
      server.delete(call.kind, call.namespace, call.name);
      return null;
    case "list":
      return server.list(call.kind);
    case "fault":
      return armed.push(server.fault(call.fault, call.target, call.times)) - 1;
    case "forbid":
      return armed.push(server.forbid(call.target)) - 1;
    case "hits":
      return armed[call.fault]?.hits ?? 0;
    case "disarm":
      armed[call.fault]?.disarm();
      return null;
    case "compact":
      server.compact();
      return null;
    case "closeWatches":
      server.closeWatches(call.resource, call.how);
      return null;
    case "cut":
      server.cut();
      return null;
    case "stall":
      server.stall(call.resource);
      return null;
    case "watches":
      return server.watchesOf(call.resource);
    case "listen":
      await server.listen();
      return null;
    case "stop":
      await server.stop();
      return null;
    case "requests":
      return server.requests.count(call.filter);
  }
}

async function answer(socket: Socket, line: string): Promise<void> {
  const at = String(process.hrtime.bigint());
  const { id, ...call } = JSON.parse(line) as ServerCall & { readonly id: number };
  let said: ServerAnswer;
  try {
    said = { id, at, value: await perform(server, call as ServerCall) };
  } catch (error) {
    said = { id, at, error: error instanceof Error ? error.message : String(error) };
  }
  socket.write(`${JSON.stringify(said)}\n`);
}

let owners = 0;
const door = createServer((socket) => {
  owners++;
  let turn: Promise<void> = Promise.resolve();
  createInterface(socket).on("line", (line) => {
    turn = turn.then(() => answer(socket, line));
  });
  socket.on("error", () => {}); // "close" follows
  socket.on("close", () => {
    if (--owners === 0) process.exit(0);
  });
});
door.listen(control);
