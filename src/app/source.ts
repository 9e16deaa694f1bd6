// Which source the daemon has, opened. Owns the choice and the view of it that observers get; all else is the source's.

import type { ServerAccess } from "../kube/access.ts";
import { KubeSource } from "../kube/kubeSource.ts";
import type { WatchSurroundings } from "../kube/resourceWatch.ts";
import { HttpTransport } from "../kube/transport.ts";
import type { SourceView } from "../observe/sourceView.ts";
import { ManifestSource } from "../sources/manifests.ts";
import { ObjectSet } from "../sources/objectSet.ts";
import type { Source, SourceCallbacks } from "../sources/source.ts";
import type { ObjectStore } from "../sources/store.ts";
import { realClock, realRandom, realTimers } from "./realTime.ts";

export interface ClusterOptions {
  readonly type: "kubernetes";
  readonly access: ServerAccess;
  /** The environment, for credential plugins. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type SourceOptions =
  /** @param path directory or file of manifests */
  { readonly type: "manifests"; readonly path: string } | ClusterOptions;

/** Connections to the API server, of their own. */
export const openTransport = ({ access, env }: ClusterOptions): HttpTransport =>
  new HttpTransport(access, { env, clock: realClock }, `vipcast/${VIPCAST_VERSION}`);

export interface OpenSource {
  readonly source: Source;
  readonly view: () => SourceView;
  /** For whoever else has business with the API server; its transport ends with the source. null: there is none. */
  readonly cluster: WatchSurroundings | null;
}

/** @param namespace of MetalLB's own objects */
export function openSource(
  options: SourceOptions,
  store: ObjectStore,
  namespace: string,
  callbacks: SourceCallbacks,
): OpenSource {
  if (options.type === "manifests") {
    const source = new ManifestSource(options.path, new ObjectSet(store, namespace), callbacks);
    const view: SourceView = { kind: "manifests", location: options.path, resources: [] };
    return { source, view: () => view, cluster: null };
  }
  const transport = openTransport(options);
  const surroundings = { transport, clock: realClock, timers: realTimers, random: realRandom };
  const source = new KubeSource(store, namespace, surroundings, callbacks);
  return {
    source,
    cluster: surroundings,
    view: () => ({
      kind: "kubernetes",
      location: source.server,
      resources: source.resources().map(({ resource, view }) => ({ resource, ...view })),
    }),
  };
}
