// SHELL: the webhooks of the controller: an HTTPS server that answers reviews, what it compares objects with, and its certificate. Owns how
// these come together; verdicts are hooks/verdict.ts's, conversion hooks/conversion.ts's. Contract: every replica answers, whoever holds the
// Lease; nothing is listened on before there is a certificate; `stop` ends all of it.
import type { SecureContextOptions } from "node:tls";
import { joinHostPort } from "../config/readers.ts";
import type { DaemonConfig } from "../config/schema.ts";
import { tlsParameters } from "../config/tls.ts";
import { CONVERSION_PATH, convertReview } from "../hooks/conversion.ts";
import { answerReview, readReview, VALIDATION_PATHS } from "../hooks/review.ts";
import { judge } from "../hooks/verdict.ts";
import { KubeClient } from "../kube/client.ts";
import { KubeSource } from "../kube/kubeSource.ts";
import { WATCHED_BY_WEBHOOKS } from "../kube/resources.ts";
import {
  createBoundedTlsServer,
  jsonPage,
  listening,
  type PageMaker,
  type Pages,
  stopServer,
  textPage,
} from "../observe/boundedServer.ts";
import type { Logger } from "../observe/log.ts";
import { say } from "../observe/messages.ts";
import { TlsFiles } from "../observe/tlsFiles.ts";
import type { RawObject } from "../sources/fields.ts";
import { ObjectStore } from "../sources/store.ts";
import { realClock, realRandom, realTimers } from "./realTime.ts";
import { type ClusterOptions, openTransport } from "./source.ts";
import { WebhookCertificates } from "./webhookCertificates.ts";

/** Octets of a review: an object of 1.5 MiB, as large as etcd takes it, twice, and a list of peers to convert. */
export const WEBHOOK_BODY = 8 * 1024 * 1024;

export type WebhooksConfig = Pick<
  DaemonConfig,
  | "webhooks"
  | "webhookCertDir"
  | "webhookService"
  | "webhookSecret"
  | "namespace"
  | "tlsMinVersion"
  | "tlsCipherSuites"
  | "tlsCurvePreferences"
>;

/** Where certificate and key come from. */
export interface CertificateFeed {
  /** Settles with the first pair. @param renewed gets each later one @throws Error (rejects) when there can be none */
  start(renewed: (tls: SecureContextOptions) => void): Promise<SecureContextOptions>;
  stop(): void;
}

export interface Webhooks {
  /** null: not listening yet. */
  port(): number | null;
  stop(): Promise<void>;
}

/**
 * Without a directory of certificates it goes on before there is one: the rest of the controller does not wait for a Secret.
 * @returns null: nobody asked for webhooks @throws Error (rejects) that names flag or file
 */
export async function startWebhooks(
  config: WebhooksConfig,
  options: ClusterOptions,
  log: Logger,
  onDefect: (error: unknown) => void,
): Promise<Webhooks | null> {
  const { webhooks: address, webhookCertDir: directory, namespace } = config;
  if (address === null) return null;
  const feed = directory === null ? madeFeed(config, options, log) : filesFeed(directory, config, log);
  const knowledge = new WebhookKnowledge(options, namespace, log);
  const pages = webhookPages(knowledge);
  let server: ReturnType<typeof createBoundedTlsServer> | null = null;
  let isStopped = false;
  const open = async (tls: SecureContextOptions): Promise<void> => {
    const made = createBoundedTlsServer(pages, onDefect, tls, WEBHOOK_BODY);
    await listening(
      made,
      () => made.listen(address),
      (code, error) => {
        const place = `--webhooks ${joinHostPort(address.host, address.port)}`;
        return say("listenFailed", { place, error: `${error.message} (${code})` });
      },
    );
    if (isStopped) await stopServer(made);
    else server = made;
  };
  const bound = (): number | null => {
    const at = server?.address() ?? null;
    return at === null || typeof at === "string" ? null : at.port;
  };
  const begin = async (): Promise<void> => {
    const first = await feed.start((renewed) => server?.setSecureContext(renewed));
    if (isStopped) return;
    await open(first);
    if (isStopped) return;
    const at = joinHostPort(address.host, bound() ?? address.port);
    log.info("listening", { address: at }, "webhooks are served");
  };
  const begun = begin();
  if (directory === null) {
    begun.catch((error: unknown) => log.error("webhooksFailed", { error }, "the webhooks cannot be served"));
  } else {
    try {
      await begun;
    } catch (error) {
      feed.stop();
      knowledge.stop();
      throw error;
    }
  }
  return {
    port: bound,
    stop: async () => {
      isStopped = true;
      feed.stop();
      knowledge.stop();
      if (server !== null) await stopServer(server);
    },
  };
}

/** Made here, and kept in a Secret. */
function madeFeed(config: WebhooksConfig, options: ClusterOptions, log: Logger): CertificateFeed {
  const transport = openTransport(options);
  const certificates = new WebhookCertificates({
    client: new KubeClient(transport, realTimers),
    clock: realClock,
    timers: realTimers,
    log,
    namespace: config.namespace,
    secret: config.webhookSecret,
    service: config.webhookService,
    parameters: tlsParameters(config),
  });
  return {
    start: (renewed) => certificates.start(renewed),
    stop: () => {
      certificates.stop();
      transport.close();
    },
  };
}

/** tls.crt and tls.key, renewed by others. */
function filesFeed(directory: string, config: WebhooksConfig, log: Logger): CertificateFeed {
  const [cert, key] = [`${directory}/tls.crt`, `${directory}/tls.key`];
  const files = new TlsFiles({ cert, key, parameters: tlsParameters(config) });
  let watch: { stop(): void } | null = null;
  return {
    start: async (renewed) => {
      const first = files.read();
      watch = files.watch(
        realTimers,
        (tls) => {
          renewed(tls);
          log.info("webhookCertificate", { path: cert }, "the certificate of the webhooks has changed");
        },
        (why) => log.warn("webhookCertificate", { path: cert }, `the certificate in force stays: ${why}`),
      );
      return first;
    },
    stop: () => watch?.stop(),
  };
}

function webhookPages(knowledge: WebhookKnowledge): Pages {
  const validate: PageMaker = ({ body }) => {
    const review = readReview(body);
    if (review === null) return textPage(400, "no AdmissionReview of admission.k8s.io/v1");
    return jsonPage(answerReview(review.uid, judge(review.request, knowledge)));
  };
  const convert: PageMaker = ({ body }) => {
    const answer: RawObject | null = convertReview(body);
    return answer === null ? textPage(400, "no ConversionReview of apiextensions.k8s.io/v1") : jsonPage(answer);
  };
  return new Map([
    ...Object.values(VALIDATION_PATHS).map((path) => [`POST ${path}`, validate] as const),
    [`POST ${CONVERSION_PATH}`, convert],
  ]);
}

/** The objects that others are compared with, followed at the API server. */
class WebhookKnowledge {
  readonly store = new ObjectStore();
  readonly home: string;
  readonly #source: KubeSource;
  readonly #log: Logger;
  #isListed = false;
  #told: string | null = null;

  constructor(options: ClusterOptions, home: string, log: Logger) {
    this.home = home;
    this.#log = log;
    const surroundings = {
      transport: openTransport(options),
      clock: realClock,
      timers: realTimers,
      random: realRandom,
    };
    this.#source = new KubeSource(
      this.store,
      home,
      surroundings,
      {
        changed: () => {},
        // what is wrong with objects is the affair of those who use them
        problemsChanged: () => this.#tell(),
        listed: () => {
          this.#isListed = true;
          this.#tell();
        },
      },
      { watched: WATCHED_BY_WEBHOOKS },
    );
    void this.#source.start();
  }

  /** A kind that is not installed has no objects, so nothing is missing of it. */
  get missing(): string | null {
    if (!this.#isListed) return this.#source.waitingFor() ?? "the objects are being listed";
    const blind = this.#source.resources().find(({ view }) => view.fault !== null && view.fault.kind !== "absent");
    return blind === undefined
      ? null
      : `${blind.resource} cannot be followed: ${blind.view.fault?.failure.message ?? ""}`;
  }

  stop(): void {
    this.#source.stop();
  }

  #tell(): void {
    const { missing } = this;
    if (missing === this.#told || !(this.#isListed || missing !== null)) return;
    this.#told = missing;
    if (missing === null) this.#log.info("webhookKnowledge", {}, "the webhooks know all objects");
    else this.#log.warn("webhookKnowledge", {}, `the webhooks compare with nothing: ${missing}`);
  }
}
