"""Reads DNS messages as hex, one a line, and writes what dnspython makes of each as a line of JSON."""

import json
import sys

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype


def records(section):
    return [
        {
            "name": rrset.name.to_text(),
            "ttl": rrset.ttl,
            "class": dns.rdataclass.to_text(rrset.rdclass),
            "type": dns.rdatatype.to_text(rrset.rdtype),
            "data": rdata.to_text(),
        }
        for rrset in section
        for rdata in rrset
    ]


def ede(option):
    return int.from_bytes(option.to_wire()[:2], "big")


def judged(wire):
    opcode = (wire[2] >> 3) & 15 if len(wire) > 2 else 0
    if opcode not in dns.opcode.Opcode.__members__.values():  # dnspython has no word for the others
        wire = wire[:2] + bytes([wire[2] & 0x87]) + wire[3:]
    # Each record on its own, so that a record that is there twice counts twice; nothing may follow the last one.
    message = dns.message.from_wire(wire, one_rr_per_rrset=True, ignore_trailing=False)
    return {
        "id": message.id,
        "flags": dns.flags.to_text(message.flags).split(),
        "opcode": opcode,
        "rcode": dns.rcode.to_text(message.rcode()),
        "question": [
            f"{q.name.to_text()} {dns.rdataclass.to_text(q.rdclass)} {dns.rdatatype.to_text(q.rdtype)}"
            for q in message.sections[0]
        ],
        "answer": records(message.sections[1]),
        "authority": records(message.sections[2]),
        "additional": records(message.sections[3]),
        "edns": message.edns,
        "payload": message.payload if message.edns >= 0 else None,
        "ednsFlags": message.ednsflags & 0xFFFF if message.edns >= 0 else None,
        "options": [int(o.otype) for o in message.options],
        "ede": [ede(o) for o in message.options if int(o.otype) == 15],
    }


for line in sys.stdin:
    try:
        said = judged(bytes.fromhex(line.strip()))
    except Exception as error:  # whatever it is, it is the verdict
        said = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
