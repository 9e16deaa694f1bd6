// SHELL: injected routes in the daemon: puts their core between decision and speaker, gives it turns, keeps what is to be kept.
// Owns when slices run and when the file is written. No rule about routes or commands lives here. Contract: what was kept is
// there before any peer is told that its table is complete; nobody is told so while a replay is under way.
import type { PlannedPeer } from "../announce/compiled.ts";
import type { PeerChange } from "../bgp/speaker.ts";
import type { RouteAttributes } from "../bgp/wire/message.ts";
import type { DrainLevel } from "../drain/machine.ts";
import { Conversation } from "../inject/conversation.ts";
import { type InjectHost, Injections } from "../inject/injections.ts";
import type { Timers } from "../kernel/clock.ts";
import type { Prefix } from "../kernel/ip.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import type { PeerName } from "../kernel/units.ts";
import type { StreamHost } from "../observe/injectStream.ts";
import type { Logger } from "../observe/log.ts";
import { type FileFault, type FileSystem, faultProblem, realFiles } from "./durableFile.ts";
import { InjectedFile } from "./injectedFile.ts";

export interface InjectingSurroundings extends InjectHost {
  readonly stateDir: string | null;
  /** Absent: the real ones. */
  readonly files?: FileSystem;
  readonly timers: Timers;
  readonly log: Logger;
  /** Sends what is pending. @param settled the tables are complete */
  readonly flush: (settled: boolean) => void;
  readonly problemsChanged: () => void;
}

export class Injecting implements StreamHost {
  readonly injections: Injections;
  readonly #around: InjectingSurroundings;
  readonly #file: InjectedFile | null;
  /** The decision has nothing left to record. */
  #isDecided = false;
  #isReplaying = false;
  #fault: FileFault | null = null;

  constructor(around: InjectingSurroundings) {
    this.#around = around;
    const { stateDir, timers, log, files = realFiles } = around;
    this.injections = new Injections(around, stateDir !== null);
    const told = (fault: FileFault | null): void => {
      const isNews = (fault === null) !== (this.#fault === null);
      this.#fault = fault;
      if (fault !== null && isNews) log.error("injectedNotKept", {}, fault.message);
      if (fault !== null || isNews) around.problemsChanged();
    };
    const unreadable = (message: string): void => log.warn("injectedUnreadable", {}, message);
    this.#file =
      stateDir === null ? null : new InjectedFile(stateDir, this.injections.table, { timers, files, told, unreadable });
  }

  /** Reads what was kept. */
  async start(): Promise<void> {
    await this.#file?.restore(this.injections);
    const { size } = this.injections.table;
    if (size > 0) this.#around.log.info("injectedRestored", { count: size }, `${size} injected prefixes were kept`);
  }

  problems(): readonly ConfigProblem[] {
    const own = this.#fault === null ? [] : [faultProblem(this.#fault, "injectedNotKept")];
    return [...own, ...this.injections.problems()];
  }

  setPeers(planned: readonly PlannedPeer[], changes: readonly PeerChange[]): void {
    const running = planned.flatMap(({ name, config }) =>
      config === null ? [] : [{ name, families: config.families, address: config.address }],
    );
    const changed = changes.flatMap(({ peer, change }) => (change === "removed" ? [] : [peer]));
    this.injections.setPeers(
      planned.map((p) => p.name),
      running,
      changed,
    );
    this.#replay();
  }

  decidedChanged(peer: PeerName, prefix: Prefix, attributes: RouteAttributes | null): void {
    this.injections.decidedChanged(peer, prefix, attributes);
  }

  /** The decision has been handed over. @param settled it has nothing left to record */
  decided(settled: boolean): void {
    this.#isDecided = settled;
    this.#around.flush(settled && this.injections.isReplayed);
    this.#tellProblems();
  }

  setLevel(level: DrainLevel): void {
    this.injections.setLevel(level);
    this.#replay();
  }

  /** Nothing is injected or told any more. Settles when the file has all that is to be kept, or cannot have it. */
  async stop(): Promise<void> {
    this.injections.close();
    await this.#file?.close();
  }

  converse(json: boolean): Conversation {
    return new Conversation(this.injections, { json });
  }

  flush(): void {
    this.#around.flush(false);
    this.#file?.touch();
    this.#tellProblems();
  }

  async saved(): Promise<string | null> {
    const fault = (await this.#file?.saved()) ?? null;
    return fault === null ? null : `injected, but not kept: ${fault.message}`;
  }

  /** A slice now, the rest in turns of their own. */
  #replay(): void {
    if (this.#isReplaying || this.injections.isReplayed) return;
    this.#isReplaying = true;
    const slice = (): void => {
      const isDone = this.injections.replay();
      if (!isDone) {
        setImmediate(slice);
        return;
      }
      this.#isReplaying = false;
      this.decided(this.#isDecided);
    };
    setImmediate(slice);
  }

  #tellProblems(): void {
    if (this.injections.areProblemsNew) this.#around.problemsChanged();
  }
}
