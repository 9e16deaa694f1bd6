// Entry of the BFD program as the interop tests bundle it, beside the thread's bundle.
import { runBfdProgram } from "../../lab/bfdProgram.ts";
import type { SchedulingClass } from "../../src/bfd/threads.ts";

runBfdProgram(new URL("./bfdWorker.js", import.meta.url), (process.argv[2] ?? "fifo") as SchedulingClass);
