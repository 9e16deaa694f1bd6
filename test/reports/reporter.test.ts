// Reports over sockets, against the API server for tests: what is in the cluster afterwards, and how often it was asked for.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ApiServer, startApiServer } from "../kube/apiServer.ts";
import { facts } from "./decisions.ts";
import { furnish, HOME, plain, Station, statusOf } from "./station.ts";

let server: ApiServer;
const stations: Station[] = [];
beforeEach(async () => {
  server = await startApiServer({ bookmarkEveryMs: 200 });
  furnish(server);
});
afterEach(async () => {
  for (const station of stations.splice(0)) station.stop();
  await server.stop();
});

function station(...of: ConstructorParameters<typeof Station> extends [ApiServer, ...infer R] ? R : never): Station {
  const made = new Station(server, ...of);
  stations.push(made);
  return made;
}

const names = (kind: string): readonly string[] => server.list(kind).map((o) => o.metadata.name);
const owner = (kind: "Pod" | "Node", name: string) => ({
  apiVersion: "v1",
  kind,
  name,
  uid: server.get(kind, kind === "Pod" ? HOME : "", name).metadata.uid,
});

describe("reports", () => {
  test("are written as MetalLB writes them, owned by the Pod, each with as few requests as there can be", async () => {
    const node = station({ podName: "pod-n1" });
    node.announce("web", ["tor-b", "tor-a"]);
    node.peers = [facts("tor-a", "192.0.2.1")];
    node.begin();
    await node.rest();
    const ownerReferences = [owner("Pod", "pod-n1")];
    expect(plain(server.list("ServiceBGPStatus"))).toEqual([
      {
        apiVersion: "metallb.io/v1beta1",
        kind: "ServiceBGPStatus",
        metadata: {
          name: expect.stringMatching(/^bgp-[a-z0-9]{5}$/),
          namespace: HOME,
          labels: {
            "metallb.io/node": "n1",
            "metallb.io/service-name": "web",
            "metallb.io/service-namespace": "default",
          },
          ownerReferences,
        },
        status: { node: "n1", serviceName: "web", serviceNamespace: "default", peers: ["tor-a", "tor-b"] },
      },
    ]);
    expect(plain(server.list("ConfigurationState"))).toMatchObject([
      { metadata: { name: "speaker-n1", ownerReferences }, status: { result: "Valid", errorSummary: "" } },
    ]);
    expect(plain(server.list("BGPSessionState"))).toMatchObject([
      { metadata: { ownerReferences }, status: { peer: "192.0.2.1", bgpStatus: "Established", bfdStatus: "N/A" } },
    ]);
    expect([...node.writes].sort()).toEqual([
      "create bgpsessionstates",
      "create configurationstates",
      "create events",
      "create servicebgpstatuses",
      "patch bgpsessionstates/status",
      "patch configurationstates/status",
      "patch servicebgpstatuses/status",
    ]);
  });

  test("follow what is announced, and go with it", async () => {
    const node = station();
    node.announce("web", ["a"]);
    node.announce("db", ["a"]);
    node.begin();
    await node.rest();
    const web = server.list("ServiceBGPStatus").find((o) => statusOf(o).serviceName === "web");
    node.announce("web", ["a", "b"]);
    node.announce("db", null);
    await node.rest();
    expect(server.list("ServiceBGPStatus").map((o) => statusOf(o).peers)).toEqual([["a", "b"]]);
    expect(names("ServiceBGPStatus")).toEqual([web?.metadata.name]);
    node.announce("web", []);
    await node.rest();
    expect(names("ServiceBGPStatus")).toEqual([]);
  });
});
