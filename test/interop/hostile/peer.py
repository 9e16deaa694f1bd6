#!/usr/bin/env python3
"""A hostile BGP peer: one TCP port per case, each answered once with octets that no good peer sends.

Written in another language and from the RFCs alone, so that it cannot be wrong in the same way as the speaker. Standard library
only. Prints one JSON line per case: {"section", "name", "ok", "want", "got"}; the last line is {"done": number of cases}.
`peer.py list` prints the ports as JSON; `peer.py run ADDRESS` listens. Cases of section "stay" share one session, in which a
ROUTE-REFRESH after every one of them must bring our routes again: silence alone would prove nothing.
"""
import asyncio
import json
import random
import struct
import sys

FIRST_PORT = 11_000
OUR_AS, PEER_AS = 65_010, 65_001
MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, REFRESH = 1, 2, 3, 4, 5
PATIENCE = 20.0


def message(kind, body=b"", length=None, marker=MARKER):
    size = 19 + len(body) if length is None else length
    return marker + struct.pack("!HB", size, kind) + body


def capability(code, value=b""):
    return bytes([code, len(value)]) + value


def parameter(*capabilities, kind=2):
    value = b"".join(capabilities)
    return bytes([kind, len(value)]) + value


IPV4 = capability(1, b"\x00\x01\x00\x01")
IPV6 = capability(1, b"\x00\x02\x00\x01")
FOUR = capability(65, struct.pack("!I", OUR_AS))
GOOD = parameter(IPV4, IPV6, capability(2), FOUR)


def open_body(version=4, asn=OUR_AS, hold=9, identifier=b"\xc0\x00\x02\x02", params=GOOD, params_length=None):
    size = len(params) if params_length is None else params_length
    return bytes([version]) + struct.pack("!HH", asn, hold) + identifier + bytes([size]) + params


def open_message(**fields):
    return message(OPEN, open_body(**fields))


def attribute(flags, code, value=b"", size=None):
    size = len(value) if size is None else size
    if size > 255 or flags & 0x10:
        return bytes([flags | 0x10, code]) + struct.pack("!H", size & 0xFFFF) + value
    return bytes([flags, code, size]) + value


ORIGIN = attribute(0x40, 1, b"\x00")
AS_PATH = attribute(0x40, 2, b"\x02\x01" + struct.pack("!I", OUR_AS))
NEXT_HOP = attribute(0x40, 3, b"\xc0\x00\x02\x02")
BASIC = {1: ORIGIN, 2: AS_PATH, 3: NEXT_HOP}
ROUTE = b"\x18\xcb\x00\x71"  # 203.0.113.0/24
V6_HOP = bytes.fromhex("20010db8000000000000000000000002")
V6_ROUTE = bytes.fromhex("3020010db80001")


def update(attributes=b"", nlri=b"", withdrawn=b"", withdrawn_length=None, attributes_length=None):
    w = len(withdrawn) if withdrawn_length is None else withdrawn_length
    a = len(attributes) if attributes_length is None else attributes_length
    return message(UPDATE, struct.pack("!H", w) + withdrawn + struct.pack("!H", a) + attributes + nlri)


def announce(*extra, instead=None, without=None):
    kept = {k: v for k, v in BASIC.items() if k != without}
    if instead is not None:
        kept[instead[1]] = instead
    return update(b"".join(kept[k] for k in sorted(kept)) + b"".join(extra), ROUTE)


def reach(afi=2, safi=1, hop=V6_HOP, nlri=V6_ROUTE, hop_length=None):
    size = len(hop) if hop_length is None else hop_length
    return attribute(0x80, 14, struct.pack("!HBB", afi, safi, size) + hop + b"\x00" + nlri)


class Case:
    """`want`: acceptable NOTIFICATION bodies as hex, each a prefix; "none": closed without a word; "up": reaches Established; "plain": its first route has the plain form."""

    def __init__(self, section, name, state, octets, want, exact=False, hold=9):
        self.section, self.name, self.state = section, name, state
        self.octets, self.want, self.exact, self.hold = octets, want, exact, hold


def header_cases():
    for state in ("opensent", "established"):
        for i in range(16):
            marker = bytes(0 if n == i else 255 for n in range(16))
            yield Case("header", f"marker octet {i}, {state}", state, message(KEEPALIVE, marker=marker), ["0101"])
        for length in (0, 1, 18, 4097, 65535):
            octets = message(UPDATE, length=length)
            yield Case("header", f"length {length}, {state}", state, octets, [f"0102{length:04x}"], exact=True)
        for kind in (0, 6, 7, 128, 255):
            yield Case("header", f"type {kind}, {state}", state, message(kind, b"1234"), [f"0103{kind:02x}"], exact=True)
    for kind, length in ((OPEN, 28), (UPDATE, 22), (NOTIFICATION, 20), (KEEPALIVE, 20), (REFRESH, 22), (REFRESH, 24)):
        octets = message(kind, bytes(length - 19))
        yield Case("header", f"type {kind} of {length} octets", "established", octets, [f"0102{length:04x}", "0701"])


def open_cases():
    def case(name, want, exact=False, **fields):
        return Case("open", name, "opensent", open_message(**fields), want, exact)

    for version in (0, 3, 5, 255):
        yield case(f"version {version}", ["02010004"], exact=True, version=version)
    yield case("another AS in both places", ["0202"], asn=64999, params=parameter(IPV4, capability(65, struct.pack("!I", 64999))))
    yield case("another AS in the capability", ["0202"], params=parameter(IPV4, capability(65, struct.pack("!I", 64999))))
    yield case("AS_TRANS without the capability", ["0202"], asn=23456, params=parameter(IPV4))
    yield case("AS 0", ["0202"], asn=0, params=parameter(IPV4))
    yield case("AS 0 in the capability", ["0202"], params=parameter(IPV4, capability(65, bytes(4))))
    yield case("identifier 0", ["0203"], identifier=bytes(4))
    for kind in (1, 3, 254):
        yield case(f"parameter type {kind}", ["0204"], params=GOOD + bytes([kind, 1, 0]))
    for hold in (1, 2):
        yield case(f"hold time {hold}", ["0206"], hold=hold)
    yield case("no family in common", ["0207"], params=parameter(capability(1, b"\x00\x19\x00\x46"), FOUR))
    yield case("parameters longer than the message", ["0200"], params_length=200)
    yield case("parameters shorter than the message", ["0200"], params_length=len(GOOD) - 3)
    yield case("a capability that overruns its parameter", ["0200"], params=b"\x02\x03\x01\x04\x00")
    yield case("a parameter that ends at its type", ["0200"], params=GOOD + b"\x02")
    yield case("an extended length that is not there", ["0200"], params=b"\xff\x00", params_length=255)
    yield case("a multiprotocol capability of 3 octets", ["0200"], params=parameter(capability(1, b"\x00\x01\x00"), FOUR))
    whole = open_body()
    for cut in range(10, len(whole)):
        yield Case("open", f"cut after {cut} octets", "opensent", message(OPEN, whole[:cut]), ["0200"])
    everything = [IPV4, FOUR] + [capability(c, random.Random(c).randbytes(c % 7)) for c in range(256) if c not in (1, 2, 65)]
    spread = b""
    for one in map(parameter, everything):
        spread += one if len(spread) + len(one) <= 254 else b""
    extended = b"".join(b"\x02" + struct.pack("!H", len(c)) + c for c in everything)
    yield Case("capabilities", "every code, plain, as many as fit", "opensent", open_message(params=spread), "up")
    yield Case("capabilities", "every code, extended form", "opensent",
               message(OPEN, open_body(params=b"\xff" + struct.pack("!H", len(extended)) + extended, params_length=255)), "up")
    yield Case("capabilities", "none at all, from an AS that fits", "opensent", open_message(params=b""), "up")
    yield Case("capabilities", "ADD-PATH both ways", "opensent", open_message(params=GOOD + parameter(
        capability(69, b"\x00\x01\x01\x03"))), "plain")
    yield Case("capabilities", "equal ones twice", "opensent", open_message(params=GOOD + GOOD), "up")
    yield Case("capabilities", "lying host name, version and restart", "opensent", open_message(params=GOOD + parameter(
        capability(73, b"\xff\x41"), capability(75, b"\xff"), capability(75), capability(64, b"\xff"), capability(71, b"\x01"))), "up")


def order_cases():
    for kind, octets in ((KEEPALIVE, message(KEEPALIVE)), (UPDATE, update()), (REFRESH, message(REFRESH, b"\x00\x01\x00\x01"))):
        yield Case("order", f"type {kind} instead of an OPEN", "opensent", octets, [f"0501{kind:02x}"], exact=True)
    for kind, octets in ((OPEN, open_message()), (UPDATE, announce()), (REFRESH, message(REFRESH, b"\x00\x01\x00\x01"))):
        yield Case("order", f"type {kind} instead of the KEEPALIVE", "openconfirm", octets, [f"0502{kind:02x}"], exact=True)
    yield Case("order", "an OPEN in the session", "established", open_message(), ["050301"], exact=True)
    yield Case("order", "FIN after our OPEN", "opensent", None, "none")
    yield Case("order", "FIN in the session", "established", None, "none")
    half = message(UPDATE, bytes(4077))[:4095]
    yield Case("order", "half an UPDATE and silence: hold timer", "established", half, ["0400"], hold=3)
    yield Case("order", "half an OPEN header, then nonsense", "opensent", MARKER[:15] + b"\x00" * 30, ["0101"])
    yield Case("order", "random octets", "opensent", random.Random(1).randbytes(4096), ["0101"])


def notification_cases():
    sizes = (0, 1, 255, 4000)
    for code in range(10):
        for sub in range(13):
            size = sizes[(code + sub) % 4]
            octets = message(NOTIFICATION, bytes([code, sub]) + bytes([size & 255]) * size)
            yield Case("notification", f"{code}/{sub} with {size} octets", "established", octets, "none")
    for name, data in (("a lying length", b"\xffshort"), ("no UTF-8", b"\x04\xff\xfe\xfd\xfc"),
                       ("an escape sequence", b"\x0a\x1b]0;pwned\x07"), ("a newline", b"\x09a\nb: c\r\nd")):
        yield Case("notification", f"shutdown with {name}", "established", message(NOTIFICATION, b"\x06\x02" + data), "none")
    yield Case("notification", "answered by nothing in OpenSent", "opensent", message(NOTIFICATION, b"\x06\x00"), "none")
    yield Case("notification", "a nested hard reset", "established", message(NOTIFICATION, b"\x06\x09" * 500), "none")


def reset_cases():
    def case(name, octets, want):
        return Case("reset", name, "established", octets, want)

    basic = ORIGIN + AS_PATH + NEXT_HOP
    yield case("withdrawn length beyond the message", update(withdrawn_length=5), ["0301"])
    yield case("withdrawn length 65535", update(withdrawn_length=65535), ["0301"])
    yield case("attribute length beyond the message", update(basic, ROUTE, attributes_length=200), ["0301"])
    yield case("attribute length 65535", update(attributes_length=65535), ["0301"])
    for name, prefix in (("/33", b"\x21\xc0\x00\x02\x01\x00"), ("/255", b"\xff"), ("cut short", b"\x20\xc0\x00")):
        yield case(f"route {name}", update(basic, prefix), ["030a"])
        yield case(f"withdrawal {name}", update(withdrawn=prefix), ["0301", "030a"])
    for cut in range(0, 4):
        yield case(f"MP_REACH of {cut} octets", update(ORIGIN + AS_PATH + attribute(0x80, 14, b"\x00\x02\x01\x10"[:cut])), ["0309"])
    for cut in range(0, 3):
        yield case(f"MP_UNREACH of {cut} octets", update(attribute(0x80, 15, b"\x00\x02\x01"[:cut])), ["0309"])
    yield case("MP_UNREACH twice", update(attribute(0x80, 15, b"\x00\x02\x01") * 2), ["0301"])
    yield case("MP_REACH that overruns its section", update(b"\x80\x0e\xff\x00\x02"), ["0301", "0309"])
    yield case("a bad ORIGIN and no route", update(attribute(0x40, 1, b"\x09")), ["0306"])
    for hop in (0, 1, 5, 15, 17, 31, 33, 255):
        yield case(f"IPv4 by MP_REACH, next hop of {hop}", update(ORIGIN + AS_PATH + reach(1, 1, bytes(hop), ROUTE)), ["0309"])


def stay_cases():
    """(name, octets) that must cost no more than the routes in them."""
    values = {"empty": b"", "zero": bytes(64), "random": random.Random(7).randbytes(200), "a lying TLV": b"\x00\x01\xff\xff\x00"}
    for code in (23, 26, 28, 29, 35, 40, 128):
        for name, value in values.items():
            for flags in (0x80, 0xC0, 0xE0):
                yield f"attribute {code}, {name}, flags {flags:02x}", announce(attribute(flags, code, value))
    for code in list(range(20, 40)) + [99, 129] + list(range(241, 256)):
        for size in (0, 1, 300, 3900):
            yield f"unknown attribute {code} of {size}", announce(attribute(0xC0, code, bytes(size)))
    yield "an unknown well-known attribute", announce(attribute(0x40, 99, b"\x01"))
    for code in (1, 2, 3):
        yield f"without attribute {code}", announce(without=code)
        yield f"attribute {code} with the flags of another", announce(instead=bytes([0xC0, *BASIC[code][1:]]))
        yield f"attribute {code} twice", announce(BASIC[code])
        for size in (0, 2, 3, 5, 16):
            if not (code == 2 and size == 0):
                yield f"attribute {code} of {size} octets", announce(instead=attribute(0x40, code, bytes([9]) * size))
    for code, flags, sizes in ((4, 0x80, (0, 3, 5)), (5, 0x40, (0, 3, 4)), (6, 0x40, (1, 9)), (7, 0xC0, (5, 6, 7, 9)), (8, 0xC0, (0, 3, 5)),
                               (9, 0x80, (3, 4)), (10, 0x80, (0, 3)), (16, 0xC0, (0, 7)), (17, 0xC0, (1, 6)), (18, 0xC0, (3, 8)),
                               (25, 0xC0, (0, 19)), (32, 0xC0, (0, 11, 13)), (35, 0xC0, (0, 3, 5))):
        for size in sizes:
            yield f"attribute {code} of {size} octets", announce(attribute(flags, code, bytes(size)))
    paths = {"segment type 9": b"\x09\x01\x00\x00\xfd\xf2", "no AS": b"\x02\x00", "overrun": b"\x02\x05\x00\x00\xfd\xf2",
             "one octet": b"\x02", "AS 0": b"\x02\x01" + bytes(4), "confederation": b"\x03\x01\x00\x00\xfd\xf2",
             "1,000 AS": (b"\x02\xfa" + struct.pack("!I", OUR_AS) * 250) * 3}
    for name, value in paths.items():
        yield f"AS_PATH: {name}", announce(instead=attribute(0x40, 2, value))
    for hop in (bytes(4), b"\x7f\x00\x00\x01", b"\xe0\x00\x00\x01", b"\xc0\x00\x02\x01"):
        yield f"NEXT_HOP {hop.hex()}", announce(instead=attribute(0x40, 3, hop))
    yield "an attribute that overruns the section by 1", announce(b"\x80\x04\x05\x00\x00\x00\x07")
    yield "an attribute that overruns it by 65000", announce(b"\x90\x04\xfd\xe8\x00\x00")
    yield "half an attribute header", announce(b"\x80")
    yield "routes without attributes", update(nlri=ROUTE)
    yield "a withdrawal of what was never there", update(withdrawn=b"\x18\x0a\x0b\x0c")
    yield "withdrawn and announced at once", update(ORIGIN + AS_PATH + NEXT_HOP, ROUTE, ROUTE)
    yield "End-of-RIB a thousand times", update() * 1000
    for afi, safi in ((25, 70), (1, 128), (16388, 71), (2, 2), (99, 1)):
        yield f"family {afi}/{safi}", update(ORIGIN + AS_PATH + reach(afi, safi, b"\x01\x02\x03", b"\xff\xff"))
        yield f"refresh of {afi}/{safi}", message(REFRESH, struct.pack("!HBB", afi, 0, safi))
    for subtype in (1, 2, 3, 255):
        yield f"refresh subtype {subtype}", message(REFRESH, bytes([0, 1, subtype, 1]))
    yield "our own route, better than ours", update(ORIGIN + AS_PATH + NEXT_HOP, b"\x20\xc6\x33\x64\x0a\x00")
    yield "ten thousand bad UPDATEs", announce(instead=attribute(0x40, 1, b"\x09")) * 10_000
    yield "a thousand refreshes", message(REFRESH, b"\x00\x01\x00\x01") * 1000


CASES = [*header_cases(), *open_cases(), *order_cases(), *notification_cases(), *reset_cases()]
STAY_PORT, SLOW_PORT = FIRST_PORT + len(CASES), FIRST_PORT + len(CASES) + 1


class Line:
    """One connection, cut into messages."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def send(self, octets):
        self.writer.write(octets)

    async def next(self, patience=PATIENCE):
        """(type, body), or None at the end. Raises ConnectionResetError, TimeoutError."""
        try:
            header = await asyncio.wait_for(self.reader.readexactly(19), patience)
        except asyncio.IncompleteReadError as end:
            assert end.partial == b"", f"half a header: {end.partial.hex()}"
            return None
        assert header[:16] == MARKER, header.hex()
        length, kind = struct.unpack("!HB", header[16:])
        return kind, await asyncio.wait_for(self.reader.readexactly(length - 19), patience)

    async def until(self, *kinds, patience=PATIENCE):
        while True:
            found = await self.next(patience)
            if found is None or found[0] in kinds or found[0] == NOTIFICATION:
                return found

    async def come_up(self, state, **fields):
        first = await self.next()
        assert first is not None and first[0] == OPEN, f"not an OPEN first: {first}"
        fault = greeting_faults(first[1])
        assert fault is None, fault
        if state == "opensent":
            return
        self.send(open_message(**fields))
        assert (await self.until(KEEPALIVE))[0] == KEEPALIVE
        if state == "openconfirm":
            return
        self.send(message(KEEPALIVE))
        assert (await self.until(UPDATE))[0] == UPDATE, "no UPDATE in the session"


def greeting_faults(body):
    """What is wrong with an OPEN of the speaker; every length must end exactly where the next thing begins."""
    version, asn, _hold, identifier, size = struct.unpack("!BHH4sB", body[:10])
    if version != 4 or asn != PEER_AS or identifier == bytes(4) or size != len(body) - 10:
        return f"fixed part {body[:10].hex()}"
    if size < 2 or body[10] != 2 or body[11] != size - 2:
        return f"not one parameter of type 2: {body[10:].hex()}"
    found, at = {}, 12
    while at < len(body):
        code, length = body[at], body[at + 1]
        if at + 2 + length > len(body):
            return f"capability {code} overruns"
        found.setdefault(code, []).append(body[at + 2:at + 2 + length])
        at += 2 + length
    if found.get(65) != [struct.pack("!I", PEER_AS)] or found.get(1) != [b"\x00\x01\x00\x01"]:
        return f"capabilities {found}"
    if found.get(2) != [b""] or found.get(70) != [b""]:
        return f"refresh capabilities {found}"
    barred = [code for code in (67, 69, 71) if code in found]
    return f"capabilities {barred} are there" if barred else None


def report(section, name, ok, want, got):
    print(json.dumps({"section": section, "name": name, "ok": ok, "want": want, "got": got}), flush=True)


async def attempt(case, line):
    """What came after the octets: "none", "up", the hex of a NOTIFICATION, or what went wrong."""
    await line.come_up(case.state, hold=case.hold)
    if case.octets is None:
        line.writer.write_eof()
    else:
        line.send(case.octets)
    if case.want == "up":
        line.send(message(KEEPALIVE))
        found = await line.until(UPDATE)
        return "up" if found is not None and found[0] == UPDATE else f"{found}"
    if case.want == "plain":
        line.send(message(KEEPALIVE))
        found = await line.until(UPDATE)
        if found is None or found[0] != UPDATE:
            return f"{found}"
        routes = found[1][4 + struct.unpack("!H", found[1][2:4])[0]:]
        # nothing but host routes of 1 + 4 octets, with no path identifier before any of them
        is_plain = len(routes) > 0 and len(routes) % 5 == 0 and set(routes[::5]) == {32}
        return "plain" if is_plain else found[1].hex()
    if case.octets is not None and case.hold != 3:
        # unread octets would turn a careless close into a reset that overtakes the NOTIFICATION
        line.send(message(KEEPALIVE) * 30_000)
    found = await line.until(NOTIFICATION)
    if found is None:
        return "none"
    after = await line.next()
    return found[1].hex() if after is None else f"{found[1].hex()}, then type {after[0]}"


def judge(case, got):
    if isinstance(case.want, str):
        return got == case.want
    return got in case.want if case.exact else any(got.startswith(w) and "," not in got for w in case.want)


async def serve(case, port, address, done):
    async def take(reader, writer):
        if done.get(port):
            writer.close()
            return
        done[port] = True
        try:
            got = await attempt(case, Line(reader, writer))
        except Exception as error:  # whatever it is, it is the result
            got = f"{type(error).__name__}: {error}"
        report(case.section, case.name, judge(case, got), case.want, got)
        done["left"] -= 1
        writer.close()

    await asyncio.start_server(take, address, port)


async def serve_stay(address, done):
    refresh = message(REFRESH, b"\x00\x01\x00\x01")

    async def beat(line):
        while True:
            await asyncio.sleep(2)
            line.send(message(KEEPALIVE))

    async def take(reader, writer):
        if done.get("stay"):
            writer.close()
            return
        done["stay"] = True
        line = Line(reader, writer)
        beating = asyncio.create_task(beat(line))
        try:
            await line.come_up("established")
            for name, octets in stay_cases():
                line.send(octets + refresh)
                found = await line.until(UPDATE)
                ok = found is not None and found[0] == UPDATE
                report("stay", name, ok, "up", "up" if ok else f"{found}")
                if not ok:
                    break
                # answers to earlier refreshes must not count for the next case
                while True:
                    try:
                        await line.next(0.05)
                    except asyncio.TimeoutError:
                        break
        except Exception as error:
            report("stay", "the session", False, "up", f"{type(error).__name__}: {error}")
        beating.cancel()
        done["left"] -= 1
        writer.close()

    await asyncio.start_server(take, address, STAY_PORT)


async def serve_slow(address, done):
    async def take(reader, writer):
        if done.get("slow"):
            writer.close()
            return
        done["slow"] = True
        line = Line(reader, writer)
        try:
            await line.next()
            for octet in open_message() + message(KEEPALIVE) + announce() + message(REFRESH, b"\x00\x01\x00\x01"):
                line.send(bytes([octet]))
                await line.writer.drain()
                await asyncio.sleep(0.002)
            first = await line.until(UPDATE)
            got = "up" if first is not None and first[0] == UPDATE else f"{first}"
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
        report("slow", "one octet at a time", got == "up", "up", got)
        done["left"] -= 1
        writer.close()

    await asyncio.start_server(take, address, SLOW_PORT)


async def main(address):
    done = {"left": len(CASES) + 2}
    for i, case in enumerate(CASES):
        await serve(case, FIRST_PORT + i, address, done)
    await serve_stay(address, done)
    await serve_slow(address, done)
    print(json.dumps({"listening": len(CASES) + 2}), flush=True)
    while done["left"] > 0:
        await asyncio.sleep(0.1)
    print(json.dumps({"done": len(CASES) + 2}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "list":
        print(json.dumps({"asn": OUR_AS, "ports": [FIRST_PORT + i for i in range(len(CASES) + 2)]}))
    else:
        asyncio.run(main(sys.argv[2]))
