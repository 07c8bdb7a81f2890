"""A name server that answers by script, over UDP and TCP, and notes what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Manner = Literal["plain", "silent", "servfail", "garbage", "other id", "truncated", "stranger"]


@dataclass(frozen=True)
class Records:
    """What a name has, and how the server says so."""

    addresses: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """Names of a CNAME chain; the addresses belong to the last."""
    manner: Manner = "plain"


Zone = Mapping[str, tuple[Records, ...]]
"""For each name its records in turn; the last ones are given for ever."""


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers from a zone; names that it does not have are NXDOMAIN."""

    zone: Zone
    asked: list[str] = field(default_factory=list)
    """The name of each question for an IPv4 address."""
    socket: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a datagram, or not."""
        answer = self.answer(data, whole=False)
        if answer is not None and self.socket is not None:
            self.socket.sendto(answer, addr)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the questions of a connection (RFC 1035, section 4.2.2)."""
        with suppress(asyncio.IncompleteReadError):
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                answer = self.answer(await reader.readexactly(size), whole=True)
                if answer is not None:
                    writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()

    def answer(self, wire: bytes, *, whole: bool) -> bytes | None:
        """The answer to a question; `whole` where no size limits it."""
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        script = self.zone.get(name)
        before = self.asked.count(name)
        if question.rdtype == dns.rdatatype.A:
            self.asked.append(name)
        elif before:
            before -= 1
        if script is None:
            return _nothing(query, dns.rcode.NXDOMAIN)
        records = script[min(before, len(script) - 1)]
        match records.manner:
            case "silent":
                return None
            case "servfail":
                return _nothing(query, dns.rcode.SERVFAIL)
            case "garbage":
                return wire[:2] + b"\xff" * 40
            case "other id":
                query.id ^= 1
            case "truncated" if not whole:
                return _nothing(query, dns.rcode.NOERROR, dns.flags.TC)
        owner = "stranger.example" if records.manner == "stranger" else name
        return _found(query, owner, records).to_wire(max_size=65535)


def _nothing(query: dns.message.Message, code: dns.rcode.Rcode, flags: int = 0) -> bytes:
    response = dns.message.make_response(query)
    response.set_rcode(code)
    response.flags |= flags
    return response.to_wire()


def _found(query: dns.message.Message, owner: str, records: Records) -> dns.message.Message:
    response = dns.message.make_response(query)
    for alias in records.aliases:
        response.answer.append(dns.rrset.from_text(f"{owner}.", 0, "IN", "CNAME", f"{alias}."))
        owner = alias
    kind = dns.rdatatype.to_text(query.question[0].rdtype)
    version = 4 if kind == "A" else 6
    own = [text for text in records.addresses if ip_address(text).version == version]
    if own:
        response.answer.append(dns.rrset.from_text(f"{owner}.", 0, "IN", kind, *own))
    return response


@asynccontextmanager
async def name_server(zone: Zone, address: str, port: int = 53) -> AsyncIterator[NameServer]:
    """Serve a zone until the end of the block."""
    server = NameServer(zone)
    loop = asyncio.get_running_loop()
    server.socket, _ = await loop.create_datagram_endpoint(lambda: server, (address, port))
    streams = await asyncio.start_server(server.serve, address, port)
    try:
        yield server
    finally:
        server.socket.close()
        streams.close()
