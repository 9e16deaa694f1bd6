// Messages of one peer by type, both ways, and faults by verdict. Monotonic for the life of the peer. Owns the names only.

export interface PeerCounters {
  opensSent: number;
  opensReceived: number;
  updatesSent: number;
  updatesReceived: number;
  keepalivesSent: number;
  keepalivesReceived: number;
  notificationsSent: number;
  notificationsReceived: number;
  routeRefreshesSent: number;
  routeRefreshesReceived: number;
  /** Of those received: for a family that was not agreed. */
  routeRefreshesIgnored: number;
  /** Received UPDATEs with a fault, by the strongest verdict (RFC 7606). */
  attributeDiscards: number;
  treatedAsWithdraw: number;
  sessionResets: number;
}

export const newCounters = (): PeerCounters => ({
  opensSent: 0,
  opensReceived: 0,
  updatesSent: 0,
  updatesReceived: 0,
  keepalivesSent: 0,
  keepalivesReceived: 0,
  notificationsSent: 0,
  notificationsReceived: 0,
  routeRefreshesSent: 0,
  routeRefreshesReceived: 0,
  routeRefreshesIgnored: 0,
  attributeDiscards: 0,
  treatedAsWithdraw: 0,
  sessionResets: 0,
});
