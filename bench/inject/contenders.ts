// Who loads a table besides us, each by the quickest of the ways that it offers. Owns the table in their words, how it gets
// in and how all of it is withdrawn at once. Knows no figures. Contract: what comes before `started` is not the program's:
// writing files, starting a daemon whose table comes through its API.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LabProcess } from "../../lab/process.ts";
import { BirdInjector } from "../bird.ts";
import type { Workshop } from "../children.ts";
import { ExabgpInjector } from "../exabgp.ts";
import { FrrInjector, frrProgram } from "../frr.ts";
import { GobgpInjector } from "../gobgp.ts";
import type { Who } from "../report.ts";
import { hear, now } from "../roles.ts";
import { birdTable } from "./birdTable.ts";
import { mrtTable } from "./mrtTable.ts";
import type { SinkProcess } from "./sinkProcess.ts";
import type { Order } from "./speakerRole.ts";
import { routeLines, type Table } from "./table.ts";

/** A program that is on its way with the table. */
export interface Loading {
  readonly program: LabProcess;
  /** When it was given the table, as `now` of roles.ts. */
  readonly started: string;
  /** Settles with the command that withdraws everything; its start is the start of the withdrawal. */
  withdrawAll(): Promise<unknown>;
  close(): void;
}

export interface Contender {
  readonly who: Who;
  /** Of the daemon: name or path; null when there is none. */
  readonly program: string | null;
  /** What is first there, table or session. */
  readonly order: Order;
  /** Largest table of this bench that it loads within a minute. */
  readonly most: number;
  /** Its own client carries the table to the daemon. */
  readonly isFedByClient: boolean;
  load(workshop: Workshop, sink: SinkProcess, table: Table): Promise<Loading>;
}

export const bird: Contender = {
  who: "bird",
  program: "bird",
  order: "tableFirst",
  most: 1_000_000,
  isFedByClient: false,
  async load(workshop, sink, table) {
    const injector = new BirdInjector(workshop, sink.port);
    injector.configure(birdTable(table));
    const started = now();
    const program = injector.start();
    const control = await injector.control(program);
    return {
      program,
      started,
      withdrawAll: () => control.command('disable "set*"'),
      close: () => control.close(),
    };
  },
};

/** Its configuration holds no routes; a dump in MRT is the quickest way through its API. */
export const gobgp: Contender = {
  who: "gobgp",
  program: "gobgpd",
  order: "sessionFirst",
  most: 100_000,
  isFedByClient: true,
  async load(workshop, sink, table) {
    const injector = new GobgpInjector(workshop, sink.port);
    const program = await injector.start();
    await hear(sink.program, "established", program);
    const dump = join(workshop.dir, "table.mrt");
    writeFileSync(dump, mrtTable(table, 0x7f00_0002));
    const started = now();
    await injector.client(["mrt", "inject", "global", dump], 120_000);
    return {
      program,
      started,
      withdrawAll: () => injector.client(["global", "rib", "del", "all"], 120_000),
      close() {},
    };
  },
};

export const exabgp: Contender = {
  who: "exabgp",
  program: "exabgp",
  order: "tableFirst",
  most: 100_000,
  isFedByClient: false,
  async load(workshop, sink, table) {
    const lines = routeLines(table, (a, set) => `route ${a}/32 next-hop 127.0.0.2 community [65001:${set}];`);
    const started = now();
    const injector = new ExabgpInjector(workshop, sink.port, lines);
    return {
      program: injector.program,
      started,
      async withdrawAll() {
        injector.command("clear adj-rib out");
      },
      close: () => injector.close(),
    };
  },
};

export const frr: Contender = {
  who: "frr",
  program: frrProgram(),
  order: "tableFirst",
  most: 1_000_000,
  isFedByClient: false,
  async load(workshop, sink, table) {
    const injector = new FrrInjector(workshop, sink.port);
    const map = (set: number): string => `route-map set${set} permit 10\n set community 65001:${set}\nexit\n`;
    const maps = Array.from({ length: table.sets }, (_, set) => map(set));
    const networks = routeLines(table, (a, set) => `  network ${a}/32 route-map set${set}`);
    injector.configure([...maps, "route-map none deny 10\nexit\n"].join(""), networks.join("\n"));
    const started = now();
    const program = injector.start();
    await injector.ready(program);
    return {
      program,
      started,
      withdrawAll: () =>
        injector.command("router bgp 65001", "address-family ipv4 unicast", "neighbor 127.0.0.1 route-map none out"),
      close() {},
    };
  },
};

export const contenders: readonly Contender[] = [bird, gobgp, exabgp, frr];
