#!/usr/bin/env python3
"""What a NAT does, seen from inside, as RFC 5780 asks it: mapping, filtering, ports, hairpin, lifetime of an idle flow; and which
TCP gets out. Standard library only, so that it can be carried to any machine.

    probe.py serve ADDRESS ADDRESS [ADDRESS6 ADDRESS6]    the other end, on two public addresses of one machine
    probe.py ask ADDRESS ADDRESS [--lifetime S] [--proxy HOST:PORT]
                                                          one JSON object: what was found

UDP ports 3478 to 3485 of both addresses answer a question with the address it came from. A question may ask for the answer to come from
another address, another port, or later. TCP ports 443 and 3478 take a connection and say "kith".
"""
import argparse
import ipaddress
import json
import os
import selectors
import socket
import sys
import threading
import time

PORTS = range(3478, 3486)
TCP_PORTS = (443, 3478)
PATIENCE_S = 0.6
TRIES = 3
STEP_MAX = 16
BLOCK_MAX = 1024
LIVES_SHARE, DIES_EXTRA_S = 0.75, 3


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


# ---- the other end ----


class Server:
    """A question is JSON: {"id": any, "from": [address number, port], "after": seconds}; from and after may be missing."""

    def __init__(self, addresses):
        self.pairs = [addresses[i : i + 2] for i in range(0, len(addresses), 2)]
        self.sockets = {}
        self.selector = selectors.DefaultSelector()
        for address in addresses:
            for port in PORTS:
                s = socket.socket(family_of(address), socket.SOCK_DGRAM)
                s.bind((address, port))
                self.sockets[address, port] = s
                self.selector.register(s, selectors.EVENT_READ, lambda s=s, a=address, p=port: self.answer(s, a, p))
            for port in TCP_PORTS:
                s = socket.create_server((address, port), family=family_of(address), backlog=64)
                self.selector.register(s, selectors.EVENT_READ, lambda s=s: self.greet(s))

    def greet(self, s):
        connection, _ = s.accept()
        with connection:
            connection.sendall(b"kith\n")

    def answer(self, s, address, port):
        data, came_from = s.recvfrom(2048)
        try:
            question = json.loads(data)
            pair = next(p for p in self.pairs if address in p)
            number, by = question.get("from", [pair.index(address), port])
            out = self.sockets[pair[number], by]
            text = json.dumps({"id": question["id"], "seen": came_from[:2], "by": [number, by]}).encode()
        except (ValueError, KeyError, IndexError, TypeError, StopIteration):
            return
        after = min(float(question.get("after", 0)), 600)
        if after > 0:
            timer = threading.Timer(after, out.sendto, (text, came_from))
            timer.daemon = True
            timer.start()
        else:
            out.sendto(text, came_from)

    def run(self):
        tell("serving", addresses=[a for pair in self.pairs for a in pair])
        while True:
            for key, _ in self.selector.select():
                try:
                    key.data()
                except OSError:
                    pass


# ---- this end ----


class Prober:
    def __init__(self, addresses):
        self.addresses = addresses
        self.family = family_of(addresses[0])

    def socket(self):
        s = socket.socket(self.family, socket.SOCK_DGRAM)
        s.bind(("", 0))
        s.settimeout(PATIENCE_S)
        return s

    def ask(self, s, number, port, tries=TRIES, patience=PATIENCE_S, **how):
        """The answer to a question that goes to that address and port; None if there is none."""
        for _ in range(tries):
            name = os.urandom(6).hex()
            try:
                s.sendto(json.dumps({"id": name, **how}).encode(), (self.addresses[number], port))
                end = time.monotonic() + patience
                while time.monotonic() < end:
                    s.settimeout(max(0.001, end - time.monotonic()))
                    answer = json.loads(s.recvfrom(2048)[0])
                    if answer["id"] == name:
                        return answer
            except OSError:
                continue
        return None

    def seen(self, s, number, port):
        answer = self.ask(s, number, port)
        return None if answer is None else tuple(answer["seen"])

    def mapping(self):
        with self.socket() as s:
            first, port, address = (self.seen(s, *to) for to in ((0, PORTS[0]), (0, PORTS[1]), (1, PORTS[0])))
        if first is None:
            return None
        if first == port == address:
            return "independent"
        return "address" if first == port else "address-port"

    def filtering(self):
        first, second = PORTS[0], PORTS[1]
        found = []
        for by in ([1, second], [0, second]):
            with self.socket() as s:
                found.append(self.ask(s, 0, first, **{"from": by}) is not None)
        return "independent" if found[0] else "address" if found[1] else "address-port"

    def ports(self, mapping):
        """How the NAT gives ports: to one socket towards many places if these differ, else to many sockets."""
        pairs = []
        places = [(number, port) for port in PORTS for number in (0, 1)]
        sockets = [self.socket() for _ in (places if mapping == "independent" else places[:1])]
        for i, place in enumerate(places):
            s = sockets[i % len(sockets)]
            seen = self.seen(s, *place)
            if seen is not None:
                pairs.append((s.getsockname()[1], seen[1]))
        for s in sockets:
            s.close()
        if all(inside == outside for inside, outside in pairs):
            return "preserved"
        outside = [o for _, o in pairs]
        steps = [b - a for a, b in zip(outside, outside[1:])]
        usual = max(set(steps), key=steps.count)
        if 0 < usual <= STEP_MAX and steps.count(usual) >= len(steps) * 2 // 3:
            return f"steps of {usual}"
        return "block" if max(outside) - min(outside) < BLOCK_MAX else "random"

    def hairpin(self):
        with self.socket() as a, self.socket() as b:
            at_a, at_b = self.seen(a, 0, PORTS[0]), self.seen(b, 0, PORTS[0])
            try:
                for _ in range(TRIES):
                    a.sendto(b"{}", at_b)
                    b.sendto(b"hairpin", at_a)
                    a.settimeout(PATIENCE_S)
                    if a.recvfrom(2048)[0] == b"hairpin":
                        return "yes"
            except OSError:
                pass
        return "no"

    def tcp(self):
        through = []
        for port in TCP_PORTS:
            try:
                with socket.create_connection((self.addresses[0], port), 2) as s:
                    through.append(s.recv(16) == b"kith\n")
            except OSError:
                through.append(False)
        return "any" if all(through) else str(TCP_PORTS[0]) if through[0] else "no"

    def connect(self, proxy):
        """Which of the ports a proxy's CONNECT reaches."""
        through = []
        for port in TCP_PORTS:
            try:
                with socket.create_connection(proxy, 3) as s:
                    s.sendall(f"CONNECT {self.addresses[0]}:{port} HTTP/1.1\r\nHost: {self.addresses[0]}\r\n\r\n".encode())
                    s.settimeout(3)
                    through.append(s.recv(1024).split(b" ")[1:2] == [b"200"])
            except OSError:
                through.append(False)
        return "any" if all(through) else str(TCP_PORTS[0]) if through[0] else "no"

    def lifetime(self, seconds):
        """That a flow which is idle is still there after most of so many seconds, and not there any more a little later."""
        waits = (seconds * LIVES_SHARE, seconds + DIES_EXTRA_S)
        found = {}

        def wait(after):
            with self.socket() as s:
                self.ask(s, 0, PORTS[0])
                found[after] = self.ask(s, 0, PORTS[0], tries=1, patience=after + 2, after=after) is not None

        threads = [threading.Thread(target=wait, args=(after,)) for after in waits]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return seconds if found[waits[0]] and not found[waits[1]] else f"alive after {waits[0]} s: {found[waits[0]]}, after {waits[1]} s: {found[waits[1]]}"

    def all(self, lifetime, proxy):
        found = {"udp": "yes", "mapping": self.mapping()}
        if found["mapping"] is None:
            found = {"udp": "no"}
        else:
            found["filtering"] = self.filtering()
            found["ports"] = self.ports(found["mapping"])
            found["hairpin"] = self.hairpin()
            if lifetime:
                found["lifetime"] = self.lifetime(lifetime)
        found["tcp"] = self.tcp()
        if proxy:
            found["connect"] = self.connect(proxy)
        return found


def address(text):
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}; expected an IP address, such as 192.0.2.1") from None


def host_and_port(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"found {text!r}; expected HOST:PORT")
    return host, int(port)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve")
    serve.add_argument("addresses", nargs="+", type=address)
    ask = commands.add_parser("ask")
    ask.add_argument("addresses", nargs=2, type=address)
    ask.add_argument("--lifetime", type=float, default=0)
    ask.add_argument("--proxy", type=host_and_port)
    options = parser.parse_args()
    if options.command == "ask":
        print(json.dumps(Prober(options.addresses).all(options.lifetime, options.proxy)))
    elif len(options.addresses) % 2:
        parser.error("serve: expected two addresses, or two of each family")
    else:
        Server(options.addresses).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
