"""A world of namespaces: supernodes, places with what stands in front of them, and the userspace internet between."""
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from peers import natbox_of
from runs import Refused

HERE = Path(__file__).resolve().parent
SUPERNODES = [("s1", "11.1.0.1", "2a00:11::1"), ("s2", "22.2.0.2", "2a01:22::1"), ("s3", "33.3.0.3", "2a03:33::1")]
SERVERS = ("77.7.0.7", "88.8.0.8", "2a07:77::7", "2a08:88::8")
NAT64 = "64:ff9b::"
FIRST_OCTETS = [n for n in range(40, 200) if n not in (77, 88, 127)]


class Site:
    def __init__(self, kind, words, side, number):
        self.name, self.kind, self.words, self.side = f"{kind}-{side}", kind, words, side
        self.group = kind if words.get("together") or words["router"] == "shared" else self.name
        self.ip = words.get("ip", "4")
        self.v4 = f"{FIRST_OCTETS[number]}.1.0.{number + 1}"
        self.v6 = f"2a0c:{0x100 + number:x}"
        self.shares = words["router"] == "shared" and side == "b"
        self.link = f"{kind}-a" if self.shares else self.name
        self.box = words.get("box")
        self.nat = None if not self.box else (f"{kind}-a" if words.get("together") else self.name)
        if self.box:
            self.inside = "192.168.1.2" if words["router"] == "none" else f"100.64.0.{number + 1}"
        self.router = None if words["router"] == "none" else f"{self.link}.r"

    def plan(self):
        line = [f"site {self.name}"]
        router = "none" if self.words["router"] == "none" else f"{self.kind}-a" if self.shares else "kernel"
        line.append(f"router={router}")
        if self.ip != "6":
            line.append(f"v4={self.inside if self.box else self.v4}")
        if self.ip != "4":
            line.append(f"v6={self.v6}")
        if self.ip == "64":
            line.append(f"nat64={NAT64}/96")
        line += [f"{key}={self.words[key]}" for key in ("nat", "wall", "timeout") if key in self.words]
        return " ".join(line)

    def box_lines(self, access):
        nets = [f"{self.inside if self.box else self.v4}/32"] if self.ip != "6" else []
        if self.ip != "4":
            nets.append(f"{self.v6}::/32")
        ns = "{net}-" + (self.router or self.name)
        link = f"link {self.name} netns={ns} dev={'wan' if self.router else 'eth0'} net={','.join(nets)} {access}"
        if not self.box:
            return [link]
        nat = [f"nat {self.name} at={self.v4} {self.box}"] if self.nat == self.name else []
        return nat + [link + f" nat={self.nat}"]


def make_sites(kinds, cells):
    sites, number = {}, 0
    for kind, words in kinds.items():
        if any(kind in cell for cell in cells):
            for side in "ab":
                sites[kind, side] = Site(kind, words, side, number)
                number += 1
    return sites


class World:
    """The processes of world.sh and kith-natbox. It is gone when closed, whatever happened."""

    def __init__(self, sites, options, directory, supernodes=SUPERNODES, supernode_delay=None):
        """supernode_delay: of their links, ms one way; usually as those of all others."""
        self.sites, self.options, self.supernodes, self.closed = sites, options, supernodes, False
        self.supernode_delay = options.delay / 2 if supernode_delay is None else supernode_delay
        self.lock, self.shell_lock = threading.Lock(), threading.Lock()
        plan = [f"supernode {' '.join(s if options.supernodes == '46' else s[:2])}" for s in supernodes] + [f"servers {' '.join(SERVERS)}"]
        plan += [site.plan() for site in sites.values()]
        self.files = Path(directory)
        (self.files / "plan").write_text("\n".join(plan) + "\n")
        self.shell = self.box = None

    def open(self):
        self.shell = subprocess.Popen(
            [str(HERE / "world.sh"), str(self.files / "plan")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True, env={**os.environ, "KITH_BUILD_DIR": str(self.options.build)})
        made = self.hear("made")
        self.net, self.tmp = made["net"], Path(made["tmp"])
        if not self.options.quiet:
            print(f"namespaces {self.net}-*", file=sys.stderr, flush=True)
        self.start_box()
        self.tell_shell("go")
        self.pids = self.hear("ready")["pids"]

    def hear(self, event):
        for line in self.shell.stdout:
            if line.startswith("{") and json.loads(line)["event"] == event:
                return json.loads(line)
        raise Refused("the world could not be made; what it said is above", 3)

    def start_box(self):
        access = f"delay={self.options.delay / 2} loss={self.options.loss}"
        near = f"delay={self.supernode_delay} loss={self.options.loss}"
        lines = [f"link {n} netns={{net}}-{n} dev=eth0 net={v4}/32{f',{v6}/128' if v6 else ''} {near}" for n, v4, v6 in self.supernodes]
        nets = ",".join(f"{a}/{128 if ':' in a else 32}" for a in SERVERS)
        lines.append(f"link probe netns={{net}}-probe dev=eth0 net={nets} {access}")
        for site in self.sites.values():
            if not site.shares:
                lines += site.box_lines(access)
        path = self.files / "box"
        path.write_text("\n".join(lines).replace("{net}", self.net) + "\n")
        self.box = natbox_of(self.options.build, path, self.options.seed)
        if self.box is None:
            raise Refused("kith-natbox did not start; what it said is above", 3)

    def tell_box(self, line):
        with self.lock:
            self.box.stdin.write(line + "\n")
            self.box.stdin.flush()
            answer = json.loads(self.box.stdout.readline())
        if answer["event"] == "refused":
            raise RuntimeError(f"kith-natbox refused \"{line}\": {answer['why']}")
        return answer

    def kill(self, *supernodes):
        """At once, without a word."""
        for name in supernodes:
            os.kill(self.pids[name], signal.SIGKILL)

    def revive(self, *supernodes):
        """Those that were killed run again; returns when all know each other."""
        with self.shell_lock:
            self.tell_shell("again " + " ".join(supernodes))
            self.pids = self.hear("again")["pids"]

    def tell_shell(self, line):
        self.shell.stdin.write(line + "\n")
        self.shell.stdin.flush()

    def flow(self, a, b):
        """Packets from one site's link to another's, as the box saw them."""
        return self.tell_box(f"flow {a.link} {b.link}")["packets"]

    def command(self, site, *words):
        return ["ip", "netns", "exec", f"{self.net}-{site.name}", *words]

    def forget(self, site):
        """The NATs in front of it know nothing."""
        if site.router:
            subprocess.run(["ip", "netns", "exec", f"{self.net}-{site.router}", "conntrack", "-F"], capture_output=True, check=False)
        if site.nat:
            self.tell_box(f"flush {site.nat}")

    def close(self):
        if self.closed:
            return
        self.closed = True
        for process in (self.shell, self.box):
            if process is not None:
                process.stdin.close()
        if self.shell is not None:
            try:
                self.shell.wait(60)
            except subprocess.TimeoutExpired:
                self.shell.terminate()
                self.shell.wait()
        if self.box is not None:
            self.box.wait()
