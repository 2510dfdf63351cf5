"""Asks several servers the same generated questions and tells where what dnspython reads differs.

Standard input: {"servers": {name: port}, "first": name, "owners": [..], "empty": [..], "seed": n, "count": n}.
Standard output: {"asked": n, "tcp": n, "kinds": {..}, "differences": [{"kind", "name", "type", "server", "ours", "theirs"}]}.

The first server knows no wildcard but ignores every ".*" in a question; the others are asked what is left then.
"""

import json
import random
import selectors
import socket
import struct
import sys
import time

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

BATCH = 64
TYPES = "A A A A AAAA AAAA SRV SRV SRV ANY TXT NS SOA MX CNAME PTR DS DNSKEY NSEC RRSIG CAA HTTPS NAPTR DNAME".split()


def in_some_case(rng, text):
    style = rng.randrange(4)
    if style == 0:
        return text
    if style == 1:
        return text.upper()
    return "".join(c.upper() if rng.random() < 0.5 else c for c in text)


def label(rng):
    style = rng.randrange(5)
    if style == 0:
        return rng.choice(["_tcp", "_udp", "slave", "www", "*", "mesos", "marathon", "_", "--", "1"])
    if style == 1:
        return "".join(f"\\{rng.randrange(256):03d}" for _ in range(rng.randrange(1, 8)))
    if style == 2:
        return "x" * 63
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789-_") for _ in range(rng.randrange(1, 20)))


def question(rng, owners, empty):
    kind = rng.choice(["owner"] * 6 + ["empty"] * 2 + ["below", "sibling", "unknown", "star", "apex", "outside", "above"])
    owner = rng.choice(owners)
    if kind == "owner":
        name = owner
    elif kind == "empty":
        name = rng.choice(empty)
    elif kind == "below":
        name = f"{label(rng)}.{rng.choice(owners + empty)}"
    elif kind == "sibling":
        name = f"{label(rng)}.{owner.split('.', 1)[1]}"
    elif kind == "unknown":
        name = ".".join(label(rng) for _ in range(rng.randrange(1, 4))) + ".mesos."
    elif kind == "star":
        labels = owner.split(".")
        at = rng.randrange(1, max(2, len(labels) - 2))
        name = ".".join([*labels[:at], "*", *labels[at:]])
    elif kind == "apex":
        name = "mesos."
    elif kind == "outside":
        name = rng.choice(["example.com.", ".", "mesos.example.", "xmesos.", "os.", "com."])
    else:
        name = owner.split(".", 1)[1] if "." in owner[:-1] else owner
    rtype = rng.choice(TYPES) if rng.random() < 0.97 else f"TYPE{rng.randrange(258, 65280)}"
    return kind, in_some_case(rng, name), rtype


def query_for(name, rtype, ident):
    message = dns.message.make_query(dns.name.from_text(name), rtype, use_edns=0, payload=1232)
    message.id = ident
    return message.to_wire()


def seen(wire, asked, stripped):
    """What is compared. Names are compared without case; where ".*" was ignored, the owner may be written either way."""
    if wire is None:
        return {"rcode": "silence"}
    message = dns.message.from_wire(wire, one_rr_per_rrset=True, ignore_trailing=False)

    def record(rrset):
        name = rrset.name.to_text().lower()
        name = stripped if name == asked else name
        return [f"{name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text().lower()}" for rdata in rrset]

    return {
        "rcode": dns.rcode.to_text(message.rcode()),
        "aa": bool(message.flags & dns.flags.AA),
        "answer": sorted(r for rrset in message.answer for r in record(rrset)),
        "soa": sorted(r for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA for r in record(rrset)),
    }


class Server:
    def __init__(self, port):
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)

    def tcp(self, wire):
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
            s.sendall(struct.pack(">H", len(wire)) + wire)
            stream = b""
            while len(stream) < 2 or len(stream) < 2 + struct.unpack(">H", stream[:2])[0]:
                piece = s.recv(65536)
                if not piece:
                    return None
                stream += piece
            return stream[2:]


def ask_all(servers, wires):
    """wires[server] is a list of queries with ids 0..n-1; returns the replies likewise, None where nothing came in 3 s."""
    replies = {name: [None] * len(wires[name]) for name in servers}
    selector = selectors.DefaultSelector()
    missing = 0
    for name, server in servers.items():
        selector.register(server.socket, selectors.EVENT_READ, name)
        for wire in wires[name]:
            server.socket.send(wire)
            missing += 1
    deadline = time.monotonic() + 3
    while missing > 0 and (left := deadline - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            try:
                while True:
                    wire = key.fileobj.recv(65536)
                    ident = struct.unpack(">H", wire[:2])[0]
                    if ident < len(replies[key.data]) and replies[key.data][ident] is None:
                        replies[key.data][ident] = wire
                        missing -= 1
            except BlockingIOError:
                pass
    return replies


def main():
    task = json.load(sys.stdin)
    rng = random.Random(task["seed"])
    servers = {name: Server(port) for name, port in task["servers"].items()}
    first = task["first"]
    report = {"asked": 0, "tcp": 0, "kinds": {}, "differences": []}
    while report["asked"] < task["count"]:
        questions = []
        while len(questions) < BATCH:
            kind, name, rtype = question(rng, task["owners"], task["empty"])
            stripped = name.replace(".*", "")
            try:
                query_for(name, rtype, 0)
                query_for(stripped, rtype, 0)
            except dns.exception.DNSException:
                continue  # a name that is too long
            questions.append((kind, name, stripped, rtype))
        wires = {
            s: [query_for(n if s == first else stripped, t, i) for i, (_, n, stripped, t) in enumerate(questions)]
            for s in servers
        }
        replies = ask_all(servers, wires)
        for i, (kind, name, stripped, rtype) in enumerate(questions):
            if any(replies[s][i] is not None and replies[s][i][2] & 2 for s in servers):
                report["tcp"] += 1
                for s in servers:
                    replies[s][i] = servers[s].tcp(wires[s][i])
            canonical = [dns.name.from_text(n).to_text().lower() for n in (name, stripped)]
            views = {s: seen(replies[s][i], *canonical) for s in servers}
            report["asked"] += 1
            report["kinds"][kind] = report["kinds"].get(kind, 0) + 1
            for s in servers:
                if s != first and views[s] != views[first]:
                    report["differences"].append(
                        {"kind": kind, "name": name, "type": rtype, "server": s, "ours": views[first], "theirs": views[s]}
                    )
    json.dump(report, sys.stdout)


main()
