// The page docs/inject.md: the tables of command.ts with what one must know besides. Owns its prose. Contract: pure.
import { renderCommandTables } from "./command.ts";
import { MAX_BATCH, MAX_LINE_OCTETS } from "./conversation.ts";

export const renderInjectDoc = (): string => `# Injecting routes

Generated from \`src/inject/command.ts\`; do not edit.

\`vipcast inject\` puts routes into a running daemon, beside those it decides: by hand, from a script, or as a stream. It needs the status
socket (\`--socket\`, or \`VIPCAST_SOCKET\`), whose file mode is the access control: the user of the daemon, and root.

\`\`\`sh
vipcast inject add 192.0.2.0/24 --next-hop self --community 65000:1 --peer tor-a
vipcast inject list
vipcast inject del 192.0.2.0/24
\`\`\`

${renderCommandTables()}

- A route for a named peer stands before the one for all, and any injected route before the decided one for the same prefix, with a
  warning in \`vipcast status\`. \`del\` without \`--peer\` takes all of the prefix away, and what is decided shows again.
  [ADR 8](adr/0008-injected-routes.md) says why.
- Any prefix length. Loopback, link-local, multicast and reserved prefixes are refused, as are bits beyond the length; 0.0.0.0/0 and ::/0
  need \`--allow-default\`.
- A route survives the loss of its session and every change of the configuration: a peer that goes and comes back gets it again. It ends
  with the daemon, not with the script that injected it. When the daemon stops, it is drained and withdrawn as the decided ones are.
- With \`--persist\` it is in the state directory (\`injected.routes\`, the commands as \`list\` prints them) and is there again before the
  first End-of-RIB of the next start. A command is answered, and a stream ends, when that file is written.
- \`vipcast routes\` marks these routes with \`"source": "injected"\`; \`peers\`, \`status\` and \`vipcast_injected_routes\` count them.
- Exit code: 0 all was done, 1 something was refused or there is no daemon, 2 wrong usage.

## Streams

\`vipcast inject --stdin\` reads one command per line and answers each with one line, in order: \`ok\`, \`ok: \` and a note, or \`error line 12: \` and what
is wrong. Empty lines and comments (\`#\`) have no answer. The words are those of the command line; a line may be a JSON object as
well, with the keys of the second table, or an array of objects, which is a batch. With \`--json\` the answers are objects
(\`{"ok":true,"line":12}\`). Who does not read the answers is not read from. The last line needs no newline.

\`\`\`sh
#!/bin/sh
# a health check that owns one address
while sleep 1; do
  if curl -fsm 1 http://127.0.0.1:8080/healthz >/dev/null; then echo "add 192.0.2.10/32"; else echo "del 192.0.2.10/32"; fi
done | vipcast inject --stdin
\`\`\`

- **Batches**: from \`begin\` to \`commit\` nothing is done; then all of it is, in one turn, or nothing if any line was wrong. At most ${MAX_BATCH} changes.
  \`begin\`, \`flush\`, \`add\` …, \`commit\` replaces everything; what stays as it was is not sent again.
- A line has at most ${MAX_LINE_OCTETS} octets.
- \`list\` prints what \`--stdin\` takes: \`vipcast inject list >saved\`, \`vipcast inject --stdin <saved\`.
- Without the program: \`curl --unix-socket PATH --data-binary @lines http://x/inject\` does all lines or none (200, else 422; \`?json\` for JSON).
`;
