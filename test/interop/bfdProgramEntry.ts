// Entry of the BFD program as the interop tests bundle it, beside the thread's bundle; `flood` as first argument: of the flood.
import { runFlood } from "../../lab/bfdFlood.ts";
import { runBfdProgram } from "../../lab/bfdProgram.ts";
import type { SchedulingClass } from "../../src/bfd/threads.ts";

const [, , first = "fifo", second = ""] = process.argv;
if (first === "flood") runFlood(second);
else runBfdProgram(new URL("./bfdWorker.js", import.meta.url), first as SchedulingClass);
