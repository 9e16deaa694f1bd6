// What bounds reading: files, the API server, and what is taken of an object. Owns these rows of docs/limits.md. Knows nothing of what is
// made of the objects.
// Contract: each value is made from the constant that is in force, where it is in force (limit.ts).
import { MAX_COMMUNITIES } from "../../announce/aliases.ts";
import { MAX_ANSWER, REQUEST_LIMIT } from "../../kube/client.ts";
import { PLUGIN_LIMIT_MS, PLUGIN_OUTPUT } from "../../kube/credentials.ts";
import { MAX_TEXT_LENGTH } from "../../kube/lines.ts";
import { KEEP_ALIVE_MS } from "../../kube/transport.ts";
import {
  ANSWER_LIMIT,
  FIRST_PAUSE,
  GOOD_LIFE,
  LAST_PAUSE,
  LATE_CLOSE,
  LONGEST_WATCH_SECONDS,
  MAX_PAGES,
  PAGE_SIZE,
  SHORTEST_WATCH_SECONDS,
  SILENCE_LIMIT,
  SLOW_PAUSE,
} from "../../kube/watchCore.ts";
import { QUIET_MS, RESCAN_MS } from "../../sources/manifests.ts";
import { MAX_MANIFEST_BYTES } from "../../sources/yamlFile.ts";
import { kib, type LimitTheme, seconds } from "./limit.ts";

export const SOURCE_LIMITS: LimitTheme = {
  title: "Objects and where they are read",
  limits: [
    {
      what: "Communities per BGPAdvertisement",
      value: `${MAX_COMMUNITIES}`,
      why: "MetalLB's limit",
      there: "the advertisement is out, reported",
    },
    {
      what: "Manifest file",
      value: `${MAX_MANIFEST_BYTES / 1024 / 1024} MiB`,
      why: "memory",
      there: "refused, its last good content stays",
    },
    {
      what: "File written in place",
      value: `read ${QUIET_MS} ms after the last write`,
      why: "half-written files",
      there: "each write postpones it",
    },
    {
      what: "Lost file events",
      value: `all files compared every ${seconds(RESCAN_MS)}`,
      why: "inotify may overflow",
      there: "what differs is read",
    },
    {
      what: "Page of a list from the API server",
      value: `${PAGE_SIZE} objects; at most ${MAX_PAGES} pages`,
      why: "memory, at both ends",
      there: "the list counts as broken and is begun anew",
    },
    {
      what: "Object, or line of a watch, from the API server",
      value: `${MAX_TEXT_LENGTH / 1024 / 1024} Mi characters`,
      why: "memory",
      there: "the list or watch counts as broken and is begun anew",
    },
    {
      what: "Pause before the API server is asked again",
      value: `0 to ${seconds(FIRST_PAUSE)}, doubling to ${seconds(LAST_PAUSE)}, or what it asks for; where a permission or kind is missing ${seconds(SLOW_PAUSE)} x 0.5-1`,
      why: "a server that comes back must not be run over",
      there: `the next attempt; forgotten after an event or ${seconds(GOOD_LIFE)} of a watch`,
    },
    {
      what: "Silence of the API server",
      value: `${seconds(ANSWER_LIMIT)} of a list; of a watch ${seconds(SILENCE_LIMIT)} where bookmarks come, else ${seconds(LATE_CLOSE)} beyond its ${SHORTEST_WATCH_SECONDS}-${LONGEST_WATCH_SECONDS} s; TCP asks after ${seconds(KEEP_ALIVE_MS)}`,
      why: "half-open connections",
      there: "a new request, after bookmarks have ceased a list; what is known stays in force",
    },
    {
      what: "Request to the API server beside lists and watches",
      value: `${seconds(REQUEST_LIMIT)}, an answer of ${MAX_ANSWER / 1024 / 1024} MiB`,
      why: "nothing may wait without end",
      there: "given up, tried again by whoever needs it",
    },
    {
      what: "Credential plugin of a kubeconfig",
      value: `${seconds(PLUGIN_LIMIT_MS)}, ${kib(PLUGIN_OUTPUT)} of output`,
      why: "a foreign program",
      there: "ended; the request counts as failed",
    },
  ],
};
