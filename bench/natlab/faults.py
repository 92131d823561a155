"""What fails under a call: each fault of tests/sim/sim_gap.c, by the same name, between real nodes. The userspace internet drops,
delays, forgets and gives other addresses (kith-natbox), namespaces lose their address or their device, supernodes are killed."""
import subprocess
from dataclasses import dataclass
from typing import Callable, Optional

from world import FIRST_OCTETS, Site

FRAME_MS, FRAME_BYTES = 20, 160
LARGE, LARGEST = 1100, 1000 + 28  # a frame, and what a black hole lets through, with the headers of UDP and IPv4
VOICE_SITE = {"router": "none", "box": "port-restricted hairpin=yes"}


class Leaf(Site):
    """A place behind a NAT that filters by address and port; it may join another network."""

    def __init__(self, name, number):
        super().__init__(name, VOICE_SITE, "x", number)
        self.name = self.link = self.nat = self.group = name
        self.moved_to, self.v4_moved = f"100.65.0.{number + 1}", f"{FIRST_OCTETS[number]}.2.0.{number + 1}"
        self.moved = False

    def box_lines(self, access):
        return [line.replace(f"net={self.inside}/32", f"net={self.inside}/32,{self.moved_to}/32") for line in super().box_lines(access)]


@dataclass(frozen=True)
class Fault:
    name: str
    strike: Callable  # (call): what fails
    heal: Optional[Callable] = None  # (call): so long after it
    lasts_s: float = 0
    watch_s: float = 10  # from the strike on
    rows: int = 1  # strikes in a row
    frame_bytes: int = FRAME_BYTES
    alone: bool = False  # what fails would be another call's as well


class Broken(Exception):
    """A fault could not be made: the call was not what it should have been."""


class Call:
    """Two nodes that talk, their world, and what was done to it."""

    def __init__(self, world, caller, callee, draw):
        self.world, self.caller, self.callee, self.draw = world, caller, callee, draw
        self.ends = (caller, callee)
        self.spared, self.killed, self.done = set(), [], []
        self.links = {end.site.link for end in self.ends}
        self.ips = {end: subprocess.Popen(["ip", "-n", f"{world.net}-{end.site.name}", "-batch", "-"], stdin=subprocess.PIPE, text=True)
                    for end in self.ends}

    def either(self):
        return self.draw.choice(self.ends)

    def box(self, line):
        self.world.tell_box(line)
        self.done.append(line)

    def way(self, a, b, words):
        self.links |= {a, b}
        self.box(f"way {a} {b} {words}")

    def both_ways(self, a, b, words):
        self.way(a, b, words)
        self.way(b, a, words)

    def ways(self, words):
        self.both_ways(self.caller.site.link, self.callee.site.link, words)

    def ip(self, end, *lines):
        """Of a program that runs already: it takes no time to start."""
        self.ips[end].stdin.write("\n".join(lines) + "\n")
        self.ips[end].stdin.flush()
        self.done += [f"{end.site.name}: {line}" for line in lines]

    # -- supernodes

    def name_of(self, address):
        host = address.rsplit(":", 1)[0]
        return next(name for name, v4, *_ in self.world.supernodes if v4 == host)

    def kill(self, *addresses):
        names = [self.name_of(address) for address in addresses]
        self.killed += names
        self.done.append(f"kill {' '.join(names)}")
        self.world.kill(*names)

    def relay(self):
        """Through which the caller sends; None: straight."""
        sending = [p for p in self.caller.paths() if p["sending"]]
        if not sending:
            raise Broken("the caller sends over no path")
        return sending[0]["address"] if sending[0]["kind"] == "relay" else None

    def standby(self, n):
        relays = [p["address"] for p in self.caller.paths() if p["kind"] == "relay" and p["alive"] and not p["sending"]]
        if len(relays) <= n:
            raise Broken(f"the caller has {len(relays)} standby relays")
        return relays[n]

    def heal_all(self):
        """The world is as it was; no node of the call runs any more."""
        for a in self.links:
            for b in self.links - {a}:
                self.world.tell_box(f"way {a} {b}")
        for end in self.ends:
            site = end.site
            self.world.tell_box(f"uncut {site.link}")
            if site.moved:
                self.ip(end, f"address del {site.moved_to}/32 dev eth0", f"address replace {site.inside}/32 dev eth0")
                site.moved = False
            self.ip(end, "link set eth0 up", "route replace default dev eth0")
            self.ips[end].stdin.close()
            if self.ips[end].wait() != 0:
                raise Broken(f"ip failed at {site.name}; what it said is above")
            self.world.tell_box(f"readdress {site.nat} {site.v4}")
        if self.killed:
            self.world.revive(*self.killed)


# ---- what fails ----


def cut_direct(call):
    call.ways("cut=yes")


def cut_one_way(call):
    deaf = call.either()
    talker = call.callee if deaf is call.caller else call.caller
    call.way(talker.site.link, deaf.site.link, "cut=yes")
    call.spared.add(talker)


def lose(call):
    call.ways("loss=0.3")


def delay(call):
    call.ways("delay=380")


def reorder(call):
    call.ways("reorder=0.2 late=30")


def hole(call):
    call.ways(f"most={LARGEST}")


def flush(call):
    call.box(f"flush {call.either().site.nat}")


def rebind(call):
    call.box(f"rebind {call.either().site.nat}")


def readdress(call):
    site = call.either().site
    call.box(f"readdress {site.nat} {site.v4_moved}")


def move(call):
    """Another network: another address inside, and another NAT."""
    end = call.either()
    site = end.site
    call.box(f"readdress {site.nat} {site.v4_moved}")
    site.moved = True
    call.ip(end, f"address add {site.moved_to}/32 dev eth0", f"address del {site.inside}/32 dev eth0", "route replace default dev eth0")


def cut_link(call):
    call.struck = call.either()
    call.box(f"cut {call.struck.site.link}")


def heal_link(call):
    call.box(f"uncut {call.struck.site.link}")


def down(call):
    call.struck = call.either()
    call.ip(call.struck, "link set eth0 down")


def up(call):
    call.ip(call.struck, "link set eth0 up", "route replace default dev eth0")


def kill_standby(call):
    call.kill(call.standby(0))


def kill_home(call):
    homes = [e for e in call.either().events if e["event"] == "attached"][-1]["addresses"]
    if not homes:
        raise Broken("it has no home")
    call.kill(homes[0])


def cut_with_standby(call):
    kill_standby(call)
    cut_direct(call)


def cut_with_standbys(call):
    call.kill(call.standby(0), call.standby(1))
    cut_direct(call)


def cut_active(call):
    relay = call.relay()
    if relay is None:
        cut_direct(call)
    else:
        call.both_ways(call.caller.site.link, call.name_of(relay), "cut=yes")


def kill_active(call):
    relay = call.relay()
    if relay is None:
        cut_direct(call)
    else:
        call.kill(relay)


FAULTS = [
    Fault("direct path dropped", cut_direct),
    Fault("dropped one way", cut_one_way),
    Fault("30 % lost", lose),
    Fault("20 to 400 ms", delay),
    Fault("reordered", reorder),
    Fault("larger than 1000 lost", hole, frame_bytes=LARGE),
    Fault("bindings flushed", flush),
    Fault("bindings moved", rebind),
    Fault("public address", readdress),
    Fault("host address", move),
    Fault("link down 3 s", cut_link, heal_link, 3),
    Fault("link down 30 s", cut_link, heal_link, 30, 60),
    Fault("device down 3 s", down, up, 3),
    Fault("device down 30 s", down, up, 30, 60),
    Fault("three paths cut", cut_active, watch_s=12, rows=3),
    Fault("standby relay killed", kill_standby, alone=True),
    Fault("home killed", kill_home, alone=True),
    Fault("direct and a relay", cut_with_standby, alone=True),
    Fault("direct and two relays", cut_with_standbys, alone=True),
    Fault("three: relays killed", kill_active, watch_s=12, rows=3, alone=True),
]
