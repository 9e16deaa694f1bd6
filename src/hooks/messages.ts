// What the validating webhooks tell those who write objects, and the operator of the webhooks: the table. Owns texts, causes and cures;
// knows no code that says them. See kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

export const HOOK_MESSAGES = {
  profileInUse: {
    text: "it is used by {peers}",
    cause: "A BFDProfile is deleted while BGPPeers name it; their sessions would stop.",
    cure: "Take spec.bfdProfile out of them first, or give them another profile.",
  },
  outsideHome: {
    text: 'it would not be used: namespace "{namespace}" is not that of MetalLB\'s objects, "{home}"',
    cause: "As in MetalLB, its objects are read from one namespace.",
    cure: "Create it in {home}, or start the controller with --namespace.",
  },
  notJudged: {
    text: "not compared with the other objects: {why}",
    cause: "The webhook does not know all objects at present, so it lets through what may be wrong.",
    cure: "What is wrong is told by ConfigurationState and by `vipcast check`.",
  },
  unknownKind: {
    text: "the webhook has no rules for {kind}",
    cause: "A ValidatingWebhookConfiguration sends it objects of kinds that it does not judge.",
    cure: "Take the kind out of the ValidatingWebhookConfiguration.",
  },
  noCertificate: {
    text: "the webhooks have no certificate: {why}",
    cause: "The Secret of the certificates cannot be read or written, or holds something else.",
    cure: "Allow get, create and update of that Secret as config/components/webhooks does, or give files with --webhook-cert-dir.",
  },
  noBundle: {
    text: "the API server cannot be told whom to trust: {why}",
    cause: "The ValidatingWebhookConfiguration, or the conversion of the CRD, cannot be read or written.",
    cure: "Allow get and update of it as config/components/webhooks does; it is tried again.",
  },
} as const;

export const say = sayFrom(HOOK_MESSAGES);
