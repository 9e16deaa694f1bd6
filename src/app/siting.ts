// Sites beside the daemon: the claims core with a clock, a file and the log around it. Owns where received routes are fed in, and the
// operator's promote and demote. Knows no rule of sites. Contract: what the feed tells is decided in a turn after it, never in the
// midst of a session's work; what an operator asks for is decided at once and on disk before the answer, in this order, because a
// failover does not wait for a disk; the answer is made in slices like every long one; without a SitePolicy `claims.claimAsns` is
// empty and nothing is kept.
import type { Clock, Timers } from "../kernel/clock.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { nameHint } from "../kernel/suggest.ts";
import { quote } from "../kernel/text.ts";
import type { Logger } from "../observe/log.ts";
import { say } from "../observe/messages.ts";
import { sitesText } from "../observe/siteView.ts";
import type { StreamAnswer } from "../observe/statusSocket.ts";
import { type ClaimSink, nodeMark } from "../site/model.ts";
import { type SiteMove, Sites } from "../site/sites.ts";
import { type FileFault, type FileSystem, faultProblem, realFiles } from "./durableFile.ts";
import { SiteFile } from "./siteFile.ts";
import { inNextTurn, streamInSlices } from "./slices.ts";

export interface SitingSurroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** null: epochs are learnt from the claims of others alone. */
  readonly stateDir: string | null;
  /** Absent: the real ones. */
  readonly files?: FileSystem;
  /** Runs the decision. */
  readonly wake: () => void;
  /** The feed has to tell what it knows again. */
  readonly claimAsnsChanged: () => void;
  readonly problemsChanged: () => void;
}

export class Siting {
  readonly sites: Sites;
  /** Where received routes are fed in. */
  readonly claims: ClaimSink;
  readonly #with: SitingSurroundings;
  readonly #file: SiteFile | null;
  #fault: FileFault | null = null;

  constructor(nodeName: string, surroundings: SitingSurroundings) {
    this.#with = surroundings;
    const { clock, timers, log, stateDir, files = realFiles } = surroundings;
    const file =
      stateDir === null
        ? null
        : new SiteFile(stateDir, {
            timers,
            files,
            unreadable: (message) => log.warn("siteState", { path: stateDir }, message),
            told: (fault) => this.#told(fault),
          });
    this.#file = file;
    this.sites = new Sites({
      node: nodeMark(nodeName),
      remembered: file?.read() ?? new Map(),
      moved: (move) => this.#moved(move),
      asnsChanged: () => surroundings.claimAsnsChanged(),
      rememberedChanged: () => file?.write(this.sites.remembered()),
    });
    const { sites } = this;
    const wakeLater = inNextTurn(() => surroundings.wake());
    // sessions speak in the middle of their own work
    const told = (): void => {
      if (sites.isAwaited) wakeLater();
    };
    this.claims = {
      get claimAsns() {
        return sites.claimAsns;
      },
      routeChanged: (from, prefix, communities) => {
        sites.routeChanged(from, prefix, communities, clock.now());
        told();
      },
      sightChanged: (from, sight) => {
        sites.sightChanged(from, sight, clock.now());
        told();
      },
      peerGone: (from) => {
        sites.peerGone(from, clock.now());
        told();
      },
    };
  }

  problems(): readonly ConfigProblem[] {
    return this.#fault === null ? [] : [faultProblem(this.#fault, "epochsNotKept")];
  }

  /** Settles when the file has all that is to be kept, or cannot have it. */
  async stop(): Promise<void> {
    await this.#file?.close();
  }

  /** @param text name of a policy or of a site; null: all of the node */
  async operate(action: SiteAction, text: string | null): Promise<StreamAnswer> {
    const { clock, log, wake } = this.#with;
    const all = [...this.sites.report()].map(({ compiled }) => compiled);
    if (all.length === 0 && action !== "status") return { ok: false, ...say("noSitePolicy") };
    const meant = all.filter(
      ({ key, object }) => text === null || key === text || object.ref.name === text || object.site === text,
    );
    if (meant.length === 0 && text !== null) {
      const names = all.map(({ object }) => object.ref.name);
      return { ok: false, ...say("unknownSite", { name: quote(text), known: nameHint(text, names, "SitePolicy") }) };
    }
    const keys = meant.map((p) => p.key);
    if (action !== "status") {
      log.info("siteCommand", { action, name: keys.join(", ") }, `an operator asks this site to be ${action}d`);
      const told = new Promise<void>((done) => this.sites[action](keys, clock.now(), done));
      wake();
      await told;
      const fault = (await this.#file?.saved()) ?? null;
      if (fault !== null) return { ok: false, ...say("siteNotKept", { action, why: fault.message }) };
    }
    const views = [...this.sites.report()].filter(({ compiled }) => keys.includes(compiled.key));
    return { ok: true, pieces: streamInSlices(sitesText(views, clock.now(), clock.wall()), clock) };
  }

  #told(fault: FileFault | null): void {
    const isNews = (fault === null) !== (this.#fault === null);
    this.#fault = fault;
    const { log, problemsChanged } = this.#with;
    if (fault !== null && isNews) log.warn("siteState", {}, fault.message);
    if (fault !== null || isNews) problemsChanged();
  }

  #moved(move: SiteMove): void {
    const { policy, prefixKey, from, to, detail } = move;
    this.#with.log.info("siteState", { name: policy, prefix: prefixKey, from, to }, detail);
  }
}

export type SiteAction = "status" | "promote" | "demote";
