// The process whose BFD thread is watched under load: the BFD program of the lab, and on its main thread what a daemon might
// do at its worst. Owns that burden: a large table announced and withdrawn, and stalls. Knows nothing of what is measured.
// Contract: quiet until SIGUSR2, which announces the table, and each further one withdraws or announces it; stdout is the BFD
// program's alone.
import { runBfdProgram } from "../../lab/bfdProgram.ts";
import type { SchedulingClass } from "../../src/bfd/threads.ts";
import { TableInjector } from "../inject/speakerRole.ts";
import type { Table } from "../inject/table.ts";

/** The main thread does nothing else for so long, once in every so often; milliseconds. */
const STALL_MS = 200;
const STALL_EVERY_MS = 1_000;

/** @param port of the sink @param workerFile bundle of src/bfd/worker.ts */
export function runBurden(workerFile: URL, best: SchedulingClass, port: number, table: Table): void {
  runBfdProgram(workerFile, best);
  let injector: TableInjector | null = null;
  let isAnnounced = false;
  process.on("SIGUSR2", () => {
    if (injector === null) {
      injector = new TableInjector(table, SILENT);
      injector.connect(port);
      setInterval(stall, STALL_EVERY_MS);
    }
    if (isAnnounced) injector.withdraw();
    else injector.announce();
    isAnnounced = !isAnnounced;
  });
}

function stall(): void {
  const until = performance.now() + STALL_MS;
  while (performance.now() < until);
}

const SILENT = { stateChanged() {}, ended() {}, updateFaults() {}, defect() {} };
