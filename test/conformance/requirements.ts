// What this speaker has to keep of the BGP and BFD RFCs and of its own promises: the yardstick of docs/conformance.md. Owns numbers,
// levels and one sentence each. Knows nothing of tests or results (coverage.ts). Contract: numbers never change their
// meaning, since test titles carry them; one line of the table per requirement, `number level source | sentence`.
// Level: M must hold, S should (an ADR says why not), O only where the option is offered; a star: fails the user first.

export interface Requirement {
  /** `C-001` and so on. */
  readonly id: string;
  readonly level: "M" | "S" | "O";
  readonly isStarred: boolean;
  readonly source: string;
  readonly text: string;
}

export interface Section {
  readonly title: string;
  readonly requirements: readonly Requirement[];
}

const TABLE = `
## 1. Transport
001 M* RFC 4271 8.2.1 | A session comes up whether we dial, the peer dials, or both; with nobody dialling it stays down and status says so.
002 M RFC 4271 8.1.1 | To a peer that is left to dial, no SYN of ours ever goes.
003 M own rule | The configured source address and port are used; a connection to another address of ours is turned away.
004 M* RFC 4271 8.2.1 | A stranger's connection is closed without an OPEN and leaves nothing behind but a count.
005 M RFC 4486 4 | While a peer is stopped or held down its connections are closed, never greeted.
006 M RFC 4271 8.1.4 | FIN or RST at any moment is a failed connection; timers and descriptor go with it.
007 M RFC 4271 8.2.2 | An attempt that nobody answers is one at a time and is given up when the retry timer fires.
008 M RFC 4271 10 | Refused attempts come at growing, jittered distances.
009 M RFC 5082 3 | TTL is 1 to an adjacent external peer, as configured over several hops, the system's to an internal one, 255 with GTSM.
010 S RFC 4271 E | A lone KEEPALIVE does not wait in the kernel (TCP_NODELAY).
011 S RFC 4271 E | Packets carry DSCP CS6.
012 M RFC 4271 4 | However the stream is cut, the same events come out of it.
013 M RFC 4271 4.1 | Messages of full size arrive over a path with a small MTU.
014 O RFC 2545 3 | A link-local peer needs its interface; one address on two interfaces is two peers.
015 M RFC 4271 8.1.4 | The loss of our address or interface ends the session in time, and it returns by itself.
## 2. Two connections at once
016 M* RFC 4271 6.8 | Of two confirmed connections the one dialled by the higher identifier stays.
017 M RFC 4271 6.8 | The other one hears Cease/7, then FIN.
018 M RFC 6286 2.3 | Between equal identifiers the larger AS decides.
019 M RFC 4271 6.8 | Beside an established session a new connection gets Cease/7 and disturbs nothing.
020 M RFC 4271 6.8 | Nothing is decided before both OPENs are there, and a silent connection blocks nobody.
021 M RFC 4271 8.1.1 | A lost collision counts as no error.
022 M* RFC 4271 6.8 | Any interleaving of two simultaneous opens leaves one session.
023 M own rule | With FRR dialling as well, restarts of both at once always leave one session within 10 s.
## 3. Message header
024 M RFC 4271 6.1 | A marker that is not all ones: 1/1 and close.
025 M* RFC 4271 6.1 | A length below 19 or above the limit: 1/2 with the length.
026 M RFC 4271 6.1 | A length that the message type cannot have: 1/2 with the length.
027 M RFC 4271 6.1 | An unknown type: 1/3 with the type.
028 M RFC 4271 6.1 | A header is judged as soon as it is whole, without its body.
029 O RFC 8654 4 | Once agreed, all but OPEN and KEEPALIVE may have 65535 octets.
030 M RFC 8654 5 | Not agreed, 4097 octets are one too many.
031 M RFC 4271 6.1 | What follows a fatal message is not read.
## 4. The OPEN we send
032 M RFC 4271 4.2 | Version 4, the configured hold time, and an identifier that a restart does not change.
033 M* RFC 6793 4.1 | A large AS shows as 23456 in the header; capability 65 has the true one.
034 M RFC 5492 4 | All capabilities stand in one parameter of type 2 with true lengths.
035 M RFC 4760 8 | One multiprotocol capability for every configured family and no other.
036 S RFC 2918 2 | Route refresh and enhanced refresh are offered.
037 O RFC 9072 2 | The extended form of the parameters appears only when they need it.
038 M RFC 4271 8.2.2 | The OPEN comes first on a connection, and once.
039 S RFC 5492 3 | A peer that knows no capabilities is tried without them where that is permitted.
040 O own rule | Host name and software version are sent only when wanted, bounded and as UTF-8.
## 5. The OPEN we receive
041 M RFC 4271 6.2 | Another version: 2/1 with 00 04.
042 M* RFC 6793 4.2.1 | Another AS than configured, by capability 65 where there is one: 2/2.
043 M RFC 7607 2 | AS 0 anywhere: 2/2.
044 S own rule | "internal" admits our AS alone, "external" all but ours and 0.
045 M RFC 6286 2.2 | Identifier 0, or ours from an internal peer: 2/3; any other is good.
046 M RFC 4271 6.2 | An unknown optional parameter: 2/4.
047 M* RFC 4271 6.2 | Hold time 1 or 2: 2/6; 0 is good.
048 M RFC 4271 6.2 | Lengths inside the OPEN that contradict each other: 2/0, and no octet beyond is read.
049 M RFC 4271 6.2 | An OPEN that ends inside a type or length field: 2/0.
050 M RFC 9072 2 | The extended parameter form is read, and told from the plain one.
051 M RFC 4271 4.2 | Without capabilities the session is IPv4 unicast with two-octet AS.
052 M RFC 5492 3 | No family in common: 2/7, not an empty session.
053 O RFC 5492 5 | A capability that the configuration demands is missing: 2/7 with a list.
054 M RFC 4271 8.2.2 | A second OPEN changes nothing silently: it ends the connection.
055 O RFC 9234 4.2 | Roles that contradict each other: 2/11.
## 6. Capabilities received
056 M* RFC 5492 3 | Unknown capabilities do no harm and can be seen.
057 M RFC 5492 4 | Of repeated capabilities equal ones count once, others as their RFC says.
058 M RFC 5492 4 | However capabilities are spread over parameters, the result is the same.
059 M RFC 4271 6.2 | A known capability of the wrong length is refused or ignored.
060 M own rule | Texts in capabilities whose lengths lie are ignored.
061 M RFC 4760 8 | A family that one side did not offer is neither sent nor taken.
062 M RFC 5492 4 | Nothing of an earlier OPEN survives into the next session.
063 O RFC 7911 4 | A peer's ADD-PATH changes nothing, since we do not offer it.
064 M own rule | Dynamic capabilities do not exist here: message type 6 is unknown.
## 7. State machine
065 M RFC 4271 8.2.2 | Idle: a start begins, anything else changes nothing.
066 M RFC 4271 8.2.2 | Connect: a connection brings our OPEN, a failure ends the attempt.
067 M RFC 4271 8.2.2 | Connect: the retry timer begins a new attempt.
068 M RFC 4271 8.2.2 | Active: a connection by the peer brings our OPEN.
069 O RFC 4271 8.2.2 | DelayOpen waits for the timer or the peer's OPEN.
070 M RFC 4271 8.2.2 | OpenSent: a good OPEN brings KEEPALIVE, negotiated timers and OpenConfirm.
071 M* RFC 6608 4 | OpenSent: any message too early is 5/1 with its type.
072 M RFC 4271 8.2.2 | OpenSent: a lost connection leads to another attempt.
073 M RFC 4271 8.2.2 | OpenSent: four minutes without an OPEN are 4/0.
074 M RFC 4271 8.2.2 | OpenConfirm: KEEPALIVE establishes and restarts the hold timer.
075 M RFC 6608 4 | OpenConfirm: a second OPEN or a refresh is 5/2 with its type.
076 M RFC 6608 4 | OpenConfirm: an UPDATE before the KEEPALIVE is 5/2.
077 M RFC 4271 8.2.2 | Before the peer's KEEPALIVE no UPDATE leaves us.
078 M* RFC 4271 6.5 | KEEPALIVE and UPDATE restart the hold timer; silence for the hold time is 4/0.
079 M RFC 6608 4 | Established: an OPEN is 5/3 with its type.
080 M RFC 4271 8.2.2 | A NOTIFICATION ends the connection in any state and is not answered.
081 M RFC 4486 4 | A stop says Cease/2 once an OPEN is out, and does not come back.
082 M RFC 4486 4 | A removed peer hears Cease/3, a changed one Cease/6.
083 M RFC 4271 6 | A NOTIFICATION can always be read: it goes out before the FIN, and no reset overtakes it.
084 S RFC 4271 8.1.1 | Protocol errors in a row make the pause grow; quiet time and Cease do not count.
085 M own rule | While held down, status says why and until when; an operator can end it.
086 M own rule | One peer's trouble delays no other.
087 M* RFC 4271 8 | No sequence of events breaks the invariants of the state machine.
088 M RFC 4271 8.1.1 | Retry counter, last errors and last change of state can be seen.
089 M own rule | A change of one peer is no event for another.
## 8. Timers
090 M RFC 4271 4.2 | The smaller hold time counts; keepalives come at a third of it, jittered.
091 M* RFC 4271 4.2 | Hold time 0: no keepalives, no end, and changes still flow.
092 M RFC 4271 8.2.2 | Under a stream of UPDATEs the peer waits no longer than the keepalive time.
093 M* own rule | A process that was stopped for less than the hold time keeps its sessions.
094 M* RFC 9687 3 | Data that does not leave ends the session after the send hold time, whatever the peer says meanwhile.
095 M RFC 9687 3.2 | Every octet that leaves restarts that timer; hold time 0 stops it.
096 M own rule | Steps of the wall clock change no timer.
097 M own rule | No timer overflows: the longest that can be configured or learned is in order.
098 S RFC 4271 10 | The retry time is configurable, and by default a router is served within 10 s of its return.
099 S RFC 4271 9.2.1.1 | Changes leave at once; no advertisement interval.
## 9. The UPDATE we send
100 M RFC 4271 5 | Every route has the mandatory attributes; LOCAL_PREF goes to internal peers and to no other.
101 M RFC 7606 5.1 | MP attributes come first, the others ascend by code.
102 M RFC 4271 4.3 | Flags are those of each attribute; extended length only beyond 255 octets.
103 M* RFC 4271 4.1 | No message is too long, however large the table.
104 M* RFC 4271 4.3 | Withdrawals are packed and leave before announcements.
105 M RFC 7606 5.1 | One UPDATE carries routes of one sort.
106 M RFC 4271 4.3 | No prefix comes twice in one UPDATE.
107 M RFC 4271 9.2 | Equal attributes share messages; what did not change is not sent again.
108 M* RFC 4271 9.2 | After any history the peer has exactly what is wanted.
109 M RFC 4271 9 | Other attributes of a known route are one announcement, no withdrawal.
110 M RFC 4271 9 | What was never announced is never withdrawn.
111 M RFC 6793 4 | AS_PATH starts with our AS to external peers, in four octets when agreed, and is empty to internal ones.
112 M RFC 6793 4.2.2 | A two-octet speaker gets AS_TRANS and AS4_PATH where our AS is large.
113 M RFC 6793 4.1 | A four-octet speaker never gets an AS4 attribute.
114 M own rule | A local AS for one peer shows alike in OPEN and AS_PATH.
115 M RFC 4271 5.1.3 | The next hop is our address there, and never a useless one or the peer's own.
116 M RFC 4271 4.3 | Bits beyond a prefix are zero, octets beyond it absent.
117 M* RFC 4724 2 | End-of-RIB follows the first full table of each family, also an empty one.
118 M RFC 4724 2 | End-of-RIB has the right form for each family.
119 S own rule | LOCAL_PREF and aggregation follow the BGPAdvertisement; contradictions are refused with a reason.
120 M own rule | While the socket is full, each prefix waits at most once.
## 10. The UPDATE we receive
121 M* RFC 7606 3 | Section lengths beyond the message: 3/1.
122 M RFC 7606 4 | An attribute that overruns its section withdraws the routes, which are still found.
123 M* RFC 7606 5.3 | An impossible IPv4 prefix resets.
124 M RFC 7606 5.3 | An impossible IPv6 prefix resets.
125 M* RFC 7606 3 | Wrong flags on a known attribute withdraw the routes; the session stays.
126 M RFC 4271 4.3 | Extended length, Partial and the low flag bits mean no fault.
127 M RFC 7606 3 | A missing mandatory attribute withdraws the routes.
128 M RFC 7606 3 | Of a repeated attribute the first counts; a repeated MP attribute resets.
129 M RFC 7606 3 | Of several faults the strongest decides, in any order.
130 M RFC 7606 5.2 | A fault in an UPDATE that reaches nothing resets, unless it only discards.
131 M RFC 7606 7.1 | A bad ORIGIN withdraws the routes.
132 M RFC 7606 7.2 | A bad AS_PATH withdraws the routes; a long one is good.
133 M RFC 4271 6.3 | An empty AS_PATH is what internal peers send.
134 S RFC 5065 5 | Confederation segments from an ordinary peer withdraw the routes.
135 M RFC 7606 7.3 | A NEXT_HOP of the wrong length withdraws the routes; a useless one makes them unusable.
136 M RFC 7606 7.4 | A MED of the wrong length withdraws the routes.
137 M RFC 7606 7.5 | LOCAL_PREF from outside is discarded; a bad one from inside withdraws the routes.
138 M RFC 7606 7.6 | ATOMIC_AGGREGATE with content is discarded.
139 M RFC 7606 7.7 | A bad AGGREGATOR is discarded.
140 M RFC 7606 7.8 | Communities of a wrong length withdraw the routes.
141 M RFC 7606 7.9 | Route reflector attributes from outside are discarded; bad ones from inside withdraw the routes.
142 M* RFC 7606 7.11 | A next hop length that MP_REACH cannot have resets.
143 M RFC 7606 5.3 | MP attributes too short to be read reset.
144 M RFC 7606 6 | Families that were not agreed are skipped and named.
145 M RFC 4760 3 | The reserved octet of MP_REACH means nothing.
146 M RFC 4760 3 | NEXT_HOP beside MP_REACH alone means nothing.
147 M RFC 6793 4.1 | AS4 attributes from a four-octet speaker are discarded.
148 M RFC 6793 4.2.3 | From a two-octet speaker AS4_PATH is merged, or discarded when it is bad.
149 M RFC 4271 9 | Unknown optional attributes of any size are accepted and dropped.
150 M RFC 4271 6.3 | An unknown well-known attribute has one documented answer.
151 M* RFC 7606 8 | Attributes that broke other speakers are survived, whatever is in them.
152 M RFC 9234 5 | An OTC of the wrong length withdraws the routes.
153 M RFC 4271 9 | A withdrawal of what nobody announced means nothing.
154 M RFC 4271 4.3 | A prefix withdrawn and announced in one UPDATE is announced.
155 M RFC 4724 2 | End-of-RIB at any time and any number is harmless.
156 M RFC 7606 3 | Routes without any attribute are withdrawn.
157 M own rule | What we receive never reaches the kernel, and changes nothing that we announce but what a SitePolicy decides by the claims in it.
158 M RFC 4486 4 | More prefixes than the limit: Cease/1, held down, counted.
159 S RFC 7606 8 | Faults are counted by verdict, and the last bad message can be seen.
## 11. NOTIFICATION
160 M* RFC 4271 6.4 | Any NOTIFICATION, however odd, ends the session and is not answered.
161 M RFC 4271 6 | Code, subcode and data that we send are those of the RFC, within one message.
162 M RFC 9003 2 | The shutdown text has its length and at most 255 octets of UTF-8.
163 M RFC 9003 3 | A text that lies or attacks a terminal is shown safely.
164 M RFC 9003 2 | A stop tells the peers why.
165 S RFC 4271 6 | Newer codes and subcodes are known by name.
166 M RFC 4271 6 | A NOTIFICATION overtakes waiting UPDATEs, not the middle of one.
167 M own rule | The last NOTIFICATION each way can be seen with its time.
## 12. Route refresh and graceful restart
168 M* RFC 2918 4 | ROUTE-REFRESH brings the whole table of its family again.
169 M RFC 2918 4 | For another family it is ignored.
170 M RFC 7313 4 | An enhanced refresh has a begin and an end, and loses no change in between.
171 M RFC 7313 5 | Unknown refresh subtypes are ignored.
172 M RFC 7313 5 | A refresh of the wrong length is 7/1 with the message, where enhanced refresh is agreed.
173 M own rule | A flood of refreshes is one pending refresh per family.
174 O RFC 4724 3 | The restart capability says truly whether we have just restarted.
175 M RFC 4724 4.1 | Forwarding is claimed only where it survived.
176 M RFC 4724 4 | With graceful restart on, a killed speaker that returns in time costs no route.
177 M RFC 4724 4.1 | After a restart, what is no longer wanted goes with End-of-RIB.
178 M* RFC 8538 3 | A planned stop takes the routes away at once, graceful restart or not.
179 M RFC 8538 2 | The hard reset wraps what it stands for, both ways.
180 M RFC 4724 4.2 | A restarting peer's new connection takes the place of the old one.
181 M RFC 4724 4 | Without the peer's capability nothing of this happens.
182 M RFC 4724 3 | Odd restart capabilities are harmless.
183 O RFC 9494 4 | Long-lived graceful restart is neither offered nor minded.
## 13. IPv6, next hops, communities
184 M* RFC 2545 3 | IPv6 routes have a global next hop, with a link-local one only on a shared link.
185 M RFC 4760 3 | Over an IPv4 session IPv6 routes need an IPv6 address of ours; without one they stay and say why.
186 M RFC 8950 4 | Over an IPv6 session IPv4 routes have an IPv6 next hop only where RFC 8950 is agreed.
187 M RFC 8950 4 | Not agreed, there never is one.
188 M own rule | Single and dual family modes give the OPEN and UPDATE that MetalLB's users expect.
189 M RFC 1997 | Communities are sorted and unique; the well-known have names.
190 M RFC 8092 3 | So are large communities.
191 O RFC 4360 2 | Extended communities have 8 octets in type 16.
192 M RFC 4271 4.3 | Too many communities are refused in the configuration, not on the wire.
193 M RFC 8326 4 | While draining, every route carries GRACEFUL_SHUTDOWN and changes nothing else.
194 M RFC 1997 | A router honours the NO_EXPORT and NO_ADVERTISE that we set.
195 O RFC 9234 5 | OTC follows our role.
196 S RFC 9774 | No AS_SET is ever produced.
## 14. BFD packets
197 M RFC 5880 4.1 | A control packet has version 1, 24 octets without authentication, and a discriminator of ours that is not 0.
198 M* RFC 5880 6.8.6 | A packet that cannot be right is dropped without a word and counted by cause.
199 M RFC 5880 6.8.6 | Octets beyond the packet's length mean nothing.
200 M* RFC 5880 6.8.6 | A discriminator selects the session; without one only a peer that is Down may speak, and its address decides.
201 M RFC 5880 6.3 | Discriminators cannot be guessed, are never 0, and are not used twice at a time.
202 M RFC 5880 6.8.6 | Authentication is there exactly when it is configured.
203 M RFC 5880 4.1 | Diagnostics have five bits; unknown ones are shown as numbers.
204 M* RFC 5881 5 | On a single hop every packet, not only the first, must have come with TTL 255.
205 M RFC 5881 4 | The source port is from 49152 on, stays for a session's life and belongs to it alone.
206 M RFC 5883 5 | Over several hops the least TTL is checked per session, on every packet.
207 M RFC 5881 3 | The right peer on the wrong interface, or towards another address of ours, is not heard.
208 M RFC 5880 6.7 | Nothing of a session changes before the authentication has been checked.
## 15. BFD states
209 M* RFC 5880 6.2 | Every pair of our state and the received one leads where the RFC says.
210 M RFC 5880 6.8.6 | The three-way handshake, and its end by Down or AdminDown, have the diagnostics of the RFC.
211 M RFC 5880 6.8.6 | Down stays Down when the peer says Up.
212 M RFC 5880 6.8.6 | AdminDown of ours is changed by no packet.
213 M* RFC 5880 6.8.4 | When the detection time passes the session is Down, not before, and what was learned of the peer is forgotten.
214 M RFC 5880 6.8.1 | A peer that is silent while the session is Down loses its discriminator.
215 M RFC 5880 6.8.6 | A peer that restarted is noticed by its Down, and the session comes back.
216 M own rule | A restart of either side, killed or not, recovers within the detection time and 3 s.
217 M RFC 5880 6.8.7 | A change of state is told at once, not with the next packet.
218 M RFC 5880 6.2 | Two active ends come up within three slow intervals.
219 O RFC 5880 6.1 | A passive end says nothing before it has heard something.
220 M RFC 5880 6.8.16 | A session that is taken away says AdminDown for a detection time, then nothing.
221 M RFC 5880 6.8.1 | Flaps are counted, and the last diagnostics of both ends can be seen.
## 16. BFD timers
222 M RFC 5880 6.8.3 | While a session is not Up it sends at most once a second.
223 M RFC 5880 6.8.7 | The slower of what we want to send and the peer wants to receive counts, and a change counts at once.
224 M* RFC 5880 6.8.7 | Every gap is jittered as the RFC says, more tightly with a multiplier of 1.
225 M* RFC 5880 6.8.4 | The detection time follows from the peer's multiplier and the slower interval.
226 M RFC 5880 6.8.7 | A peer that wants no packets gets none, but its polls are answered.
227 M RFC 5880 6.8.3 | Longer sending and shorter receiving wait for the Final: no live change flaps.
228 M RFC 5880 6.8.3 | Shorter sending and longer receiving are in force at once, and polled.
229 M RFC 5880 6.8.12 | Another multiplier goes out with the next packet.
230 M own rule | Fast sessions hold on a busy machine whose main thread stalls.
231 M own rule | After a stall of our own, what is waiting is read before any peer is judged.
232 M RFC 5880 4.1 | Absurd intervals of the peer neither overflow nor make us spin.
233 M own rule | Milliseconds of a BFDProfile are microseconds on the wire.
## 17. BFD polls, demand, echo, authentication
234 M RFC 5880 6.5 | A Poll is answered by one Final at once, in any state; never both bits in one packet.
235 M RFC 5880 6.5 | Our Poll goes on until its Final; a Final without a Poll means nothing.
236 M RFC 5880 6.8.3 | Coming Up starts a Poll that leaves the slow interval.
237 M RFC 5880 6.6 | A peer in demand mode is spared the periodic packets and gets its answers.
238 M RFC 5880 4.1 | Without echo we offer none; we ask for no demand mode and claim no independent control plane.
239 O RFC 5880 6.4 | Echo runs on a single hop while Up, no faster than the peer takes it; its loss is Down.
240 O RFC 5881 4 | Echo packets of others are ignored, and the port is closed while unused.
241 O RFC 9747 2 | Echo without the peer's BFD notices a path that fails.
242 M RFC 5883 3 | Echo never runs over several hops.
243 O RFC 5880 6.7.3 | MD5 and SHA1 authentication keep out forged, replayed and old packets, and survive a restart.
244 M RFC 5881 2 | Whoever asks for one path shares one session; different wishes are told.
245 M own rule | A thousand sessions share one timer; sockets come with the first session and go with the last.
## 18. BFD and BGP
246 M* RFC 9384 3 | A path that was Up and fails ends the session at once with Cease/10.
247 M* RFC 5882 3.2 | AdminDown of either end ends no session.
248 M RFC 5882 4.1 | BFD that never came up keeps no session down, and is warned of.
249 O RFC 5882 4.1 | A strict peer has no session before BFD is Up, unless BFD is AdminDown.
250 M own rule | A session that BFD ended is back without damping, and comes up once.
251 M RFC 5882 10.2 | Address, interface and hops of BFD are those of the session.
252 M RFC 5882 4.2 | BFD that goes Down before the session stands has no effect.
253 M RFC 5882 4.3 | What graceful restart and BFD together do is known and written down.
254 M RFC 5882 3.2 | A planned stop withdraws, says Cease, and only then AdminDown.
255 M own rule | The death of our own BFD thread ends no session and is counted.
## 19. Security and resources
256 M RFC 2385 | With equal keys a session comes up both ways and in both families; with others never.
257 O RFC 5925 | TCP-AO keys roll over without loss.
258 M RFC 5082 3 | With GTSM, packets from too far away never reach the session.
259 M own rule | No secret shows in logs, status, metrics or process arguments.
260 M* RFC 9687 3 | A slow reader costs bounded memory and delays no other peer.
261 M* RFC 4271 8.2.1 | A flood of connections delays no session and exhausts nothing.
262 M RFC 4271 8.2.2 | A peer has at most one unfinished connection of its own, and not for ever.
263 M own rule | A peer that sends without end delays no other peer's keepalive by a second.
264 M RFC 4271 6.5 | Half a message holds no more than itself, and no longer than the hold time.
265 M own rule | The log stays short, whatever repeats.
266 M RFC 5881 9 | A flood of forged BFD packets costs counters, not sessions.
267 M own rule | Every decoder is linear in its input.
268 M* own rule | No input ends the process; a defect ends one session and is counted.
269 M own rule | A thousand sessions later, descriptors and timers are as before.
270 M own rule | The status and metrics sockets are no way in.
`;

const LINE = /^(\d{3}) ([MSO])(\*?) (RFC \d+(?: [A-Z0-9.]+)?|own rule) \| (.+)$/;

function readTable(): Section[] {
  const sections: { title: string; requirements: Requirement[] }[] = [];
  for (const line of TABLE.trim().split("\n")) {
    if (line.startsWith("## ")) {
      sections.push({ title: line.slice(3), requirements: [] });
      continue;
    }
    const [, number, level, star, source = "", text = ""] = LINE.exec(line) ?? [];
    if (level !== "M" && level !== "S" && level !== "O") throw new Error(`not a requirement: ${line}`);
    sections.at(-1)?.requirements.push({ id: `C-${number}`, level, isStarred: star === "*", source, text });
  }
  return sections;
}

export const SECTIONS: readonly Section[] = readTable();
