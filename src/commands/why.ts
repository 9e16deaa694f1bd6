// `vipcast why SERVICE`: ask a running daemon, or decide from manifests, why a service is announced to a peer or not.
// Exit 0 when it is announced (to the peer that is asked for), 1 when it is not or the daemon cannot be asked, 2 on wrong usage.
import { compile } from "../announce/compile.ts";
import { explain } from "../announce/explain.ts";
import { say as answer } from "../observe/messages.ts";
import { askDaemon, BadQuestion, DaemonUnreachable } from "../observe/statusSocket.ts";
import type { TextOptions } from "../observe/statusText.ts";
import { findService, noSuchPeer, type WhyDocument, whyDocument } from "../observe/why.ts";
import { renderWhy } from "../observe/whyText.ts";
import { loadManifests, onlyNode } from "./manifests.ts";
import { say } from "./messages.ts";
import { type CommandResult, UsageError } from "./result.ts";

export interface WhyCommandOptions extends TextOptions {
  readonly node: string | null;
  readonly peer: string | null;
  readonly json: boolean;
  /** Not used where manifests are given. */
  readonly socket: string | null;
  /** Files and directories; empty: a daemon is asked. */
  readonly manifests: readonly string[];
  readonly namespace: string;
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
}

/** @throws UsageError (rejects) when the question names what is not there */
export async function why(service: string, options: WhyCommandOptions): Promise<CommandResult> {
  try {
    const document =
      options.manifests.length > 0 ? fromManifests(service, options) : await fromDaemon(service, options);
    const asked = options.peer === null ? document.announced : document.peers[options.peer]?.announced === true;
    const output = options.json ? `${JSON.stringify(document, null, 2)}\n` : renderWhy(document, options);
    return { output, exitCode: asked ? 0 : 1 };
  } catch (error) {
    if (error instanceof BadQuestion) throw new UsageError(say("refusedQuestion", { answer: error.message }));
    if (!(error instanceof DaemonUnreachable)) throw error;
    return { output: "", error: error.message, exitCode: 1 };
  }
}

async function fromDaemon(service: string, { socket, node, peer }: WhyCommandOptions): Promise<WhyDocument> {
  if (socket === null) throw new UsageError(say("whoToAsk"));
  const query = new URLSearchParams({ service });
  if (node !== null) query.set("node", node);
  if (peer !== null) query.set("peer", peer);
  // the daemon is of the same version as this command; its documents are typed where it makes them
  return (await askDaemon(socket, `/why?${query}`)) as WhyDocument;
}

function fromManifests(text: string, options: WhyCommandOptions): WhyDocument {
  const { lbClass, ignoreExcludeLb, peer, namespace } = options;
  const { store, objects } = loadManifests(options.manifests, namespace);
  const found = findService(
    text,
    [...store.list("Service")].map((s) => s.key),
  );
  const service = found.ok ? store.get("Service", found.key) : undefined;
  if (service === undefined) throw new UsageError(found.ok ? answer("noService", { name: text }) : found);
  const peers = [...store.list("BGPPeer")].map((p) => p.ref.name);
  if (peer !== null && !peers.includes(peer)) {
    throw new UsageError(noSuchPeer(peer, peers, objects.problems()));
  }
  const node = options.node ?? onlyNode([...store.list("Node")].map((n) => n.ref.name));
  const config = compile(store, { nodeName: node, lbClass, ignoreExcludeLb, routerId: null });
  const explanation = explain(service, store, config);
  const problems = [...objects.problems(), ...config.problems];
  return whyDocument(explanation, { node, peer, locate: (p) => objects.locate(p, p.path), problems, observed: null });
}
