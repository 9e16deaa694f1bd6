// Sites beside the daemon: the claims core with a clock, a file and the log around it. Owns where received routes are fed in, and the
// operator's promote and demote. Knows no rule of sites. Contract: what the feed tells is decided in a turn after it, never in the
// midst of a session's work, what an operator asks for before the answer; without a SitePolicy `claims.claimAsns` is empty and nothing is kept.
import type { Clock } from "../kernel/clock.ts";
import { nameHint } from "../kernel/suggest.ts";
import { quote } from "../kernel/text.ts";
import type { Logger } from "../observe/log.ts";
import { say } from "../observe/messages.ts";
import { type SitesStatus, sitesStatus } from "../observe/siteView.ts";
import type { Answer } from "../observe/statusSocket.ts";
import { type ClaimSink, nodeMark } from "../site/model.ts";
import { type SiteMove, Sites } from "../site/sites.ts";
import { SiteFile } from "./siteFile.ts";
import { inNextTurn } from "./slices.ts";

export interface SitingSurroundings {
  readonly clock: Clock;
  readonly log: Logger;
  /** null: epochs are learnt from the claims of others alone. */
  readonly stateDir: string | null;
  /** Runs the decision. */
  readonly wake: () => void;
  /** The feed has to tell what it knows again. */
  readonly claimAsnsChanged: () => void;
}

export class Siting {
  readonly sites: Sites;
  /** Where received routes are fed in. */
  readonly claims: ClaimSink;
  readonly #with: SitingSurroundings;
  /** Moves of prefixes into each state, since the start. */
  readonly #moves = new Map<string, Map<SiteMove["to"], number>>();

  constructor(nodeName: string, surroundings: SitingSurroundings) {
    this.#with = surroundings;
    const { clock, log, stateDir } = surroundings;
    const file =
      stateDir === null
        ? null
        : new SiteFile(stateDir, {
            unreadable: (message) => log.warn("siteState", { path: stateDir }, message),
            failed: (error) => log.warn("siteState", { path: stateDir, error }, "epochs of sites cannot be kept"),
          });
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

  /** How often prefixes of a policy have moved into a state. */
  get moves(): ReadonlyMap<string, ReadonlyMap<SiteMove["to"], number>> {
    return this.#moves;
  }

  status(keys?: readonly string[]): SitesStatus {
    const { clock } = this.#with;
    const views = [...this.sites.report()].filter(({ compiled }) => keys?.includes(compiled.key) ?? true);
    return sitesStatus(views, clock.now(), clock.wall());
  }

  /** @param text name of a policy or of a site; null: all of the node */
  operate(action: SiteAction, text: string | null): Answer {
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
    if (action === "status") return { ok: true, document: this.status(keys) };
    log.info("siteCommand", { action, name: keys.join(", ") }, `an operator asks this site to be ${action}d`);
    if (action === "promote") this.sites.promote(keys, clock.now());
    else this.sites.demote(keys, clock.now());
    wake();
    return { ok: true, document: this.status(keys) };
  }

  #moved(move: SiteMove): void {
    const { policy, prefixKey, from, to, detail } = move;
    const counts = this.#moves.get(policy) ?? new Map<SiteMove["to"], number>();
    this.#moves.set(policy, counts.set(to, (counts.get(to) ?? 0) + 1));
    this.#with.log.info("siteState", { name: policy, prefix: prefixKey, from, to }, detail);
  }
}

export type SiteAction = "status" | "promote" | "demote";
