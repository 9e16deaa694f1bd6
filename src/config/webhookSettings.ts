// The settings of the controller's webhooks: where they are served, and where their certificates come from. Owns their table.
// Contract: see setting.ts.
import { type HostPort, readHostPort, readKubernetesName, readPath } from "./readers.ts";
import type { Settings } from "./setting.ts";

export interface WebhookConfig {
  /** null: no webhooks. */
  readonly webhooks: HostPort | null;
  /** Directory with tls.crt and tls.key; null: the controller makes them. */
  readonly webhookCertDir: string | null;
  /** Names in the namespace of the objects. */
  readonly webhookService: string;
  readonly webhookSecret: string;
}

export const WEBHOOK_SETTINGS: Settings<WebhookConfig> = {
  webhooks: {
    flag: "webhooks",
    env: ["VIPCAST_WEBHOOKS"],
    placeholder: "HOST:PORT",
    fallback: null,
    read: readHostPort,
    help: "Serve the validating webhooks and the conversion of BGPPeer here; without it there are none",
  },
  webhookCertDir: {
    flag: "webhook-cert-dir",
    env: ["VIPCAST_WEBHOOK_CERT_DIR"],
    placeholder: "DIR",
    fallback: null,
    read: readPath,
    help: "Directory with tls.crt and tls.key of the webhooks, followed when they change; without it the controller makes and renews its own",
  },
  webhookService: {
    flag: "webhook-service",
    env: ["VIPCAST_WEBHOOK_SERVICE"],
    placeholder: "NAME",
    fallback: "metallb-webhook-service",
    read: readKubernetesName("label"),
    help: "Service in front of the webhooks: the name in the certificate that the controller makes",
  },
  webhookSecret: {
    flag: "webhook-secret",
    env: ["VIPCAST_WEBHOOK_SECRET"],
    placeholder: "NAME",
    fallback: "metallb-webhook-cert",
    read: readKubernetesName("subdomain"),
    help: "Secret that keeps the certificates that the controller makes for its webhooks",
  },
};
