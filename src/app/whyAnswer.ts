// `why` asked of a running daemon: for its own node with what its sessions do, for another node from its store alone. Owns which of
// the two it is, and the answers to questions about things that are not there. Reads, never changes.
import { compile } from "../announce/compile.ts";
import { explaining } from "../announce/explain.ts";
import type { Said } from "../kernel/messages.ts";
import { nameHint } from "../kernel/suggest.ts";
import { quote } from "../kernel/text.ts";
import { ServiceKey } from "../kernel/units.ts";
import { say } from "../observe/messages.ts";
import type { Answer, WhyQuestion } from "../observe/statusSocket.ts";
import {
  findService,
  goneDocument,
  type Locate,
  noSuchPeer,
  type Observed,
  type WhyPeerView,
  whyDocument,
} from "../observe/why.ts";
import type { Daemon } from "./daemon.ts";
import { drainAnswer } from "./drainAnswer.ts";
import { realClock } from "./realTime.ts";
import { inSlices } from "./slices.ts";

export async function whyAnswer(daemon: Daemon, { service: text, node: asked, peer }: WhyQuestion): Promise<Answer> {
  const notReady = daemon.notReady();
  if (notReady !== null) return no(say("notDecided", { why: notReady }));
  await daemon.paths.refresh(); // first: what is read from here on belongs together
  const { engine, view: store, options, history } = daemon;
  const own = engine.config;
  if (own === null) return no(say("nothingDecided"));
  const node = asked ?? options.nodeName;
  const isOwn = node === options.nodeName;
  const known = [...store.list("Service")].map((s) => s.key);
  const gone = keyOf(text);
  if (isOwn && gone !== null && history.since(gone) !== null) known.push(gone);
  const found = findService(text, known);
  if (!found.ok) return no(found);
  const { key } = found;
  const nodes = [...store.list("Node")].map((n) => n.ref.name);
  if (!isOwn && nodes.length > 0 && !nodes.includes(node))
    return no(say("unknownNode", { name: node, known: nameHint(node, nodes, "Node") }));
  const peers = [...store.list("BGPPeer")].map((p) => p.ref.name);
  if (peer !== null && !peers.includes(peer)) return no(noSuchPeer(peer, peers, daemon.problems.source));
  const service = store.get("Service", key);
  const observed = isOwn && daemon.shadowing === null ? observedOf(daemon, key) : null; // a shadow has no sessions
  if (service === undefined) {
    return observed === null ? no(say("noService", { name: key })) : yes(goneDocument(key, node, observed));
  }
  const config = isOwn ? own : compile(store, { ...own.options, nodeName: node });
  const decided = isOwn
    ? {
        decisions: engine.decisions,
        level: engine.level,
        holds: engine.holdsAt(realClock.now()),
        sites: engine.siteView,
      }
    : {};
  const explanation = await inSlices(explaining(service, store, config, decided), realClock);
  const problems = isOwn ? daemon.problems.all() : [...daemon.problems.source, ...config.problems];
  const locate: Locate = (problem) => daemon.locate(problem);
  return yes(whyDocument(explanation, { node, peer, locate, problems, observed }));
}

function keyOf(text: string): ServiceKey | null {
  const [namespace, name] = text.split("/");
  return namespace === undefined || name === undefined ? null : ServiceKey(namespace, name);
}

const yes = (document: unknown): Answer => ({ ok: true, document });
const no = (said: Said): Answer => ({ ok: false, ...said });

function observedOf(daemon: Daemon, key: ServiceKey): Observed {
  const { peers: proofs } = drainAnswer(daemon);
  const sessions = daemon.paths.view().sessions;
  return {
    peer: (name): WhyPeerView | undefined => daemon.speaker.peer(name),
    bfd: (name) => sessions.find((s) => s.peer === name)?.session.state ?? null,
    injected: (name, prefix) => daemon.injecting.injections.routeAt(name, prefix),
    drain: (name) => proofs[name],
    since: daemon.history.since(key),
    unaltered: daemon.history.unaltered(key),
    changes: daemon.history.changes(key),
    now: realClock.now(),
    wall: realClock.wall(),
  };
}

/** Starts a peer anew that is held down or waits for its next attempt. */
export function clearAnswer(daemon: Daemon, name: string): Answer {
  const runner = [...daemon.speaker.peers()].find((p) => p.config.name === name);
  if (runner === undefined) {
    const names = [...daemon.speaker.peers()].map((p) => p.config.name);
    return no(say("noSession", { name: quote(name), known: nameHint(name, names, "such BGPPeer") }));
  }
  const held = runner.state.idleHold?.why ?? null;
  daemon.reports.cleared(runner);
  runner.clearHold();
  return yes({ peer: name, held, state: runner.stateName });
}
