"""The processes that natlab talks with by lines: a node at a place (tests/e2e/peer.c), and the userspace router."""
import hashlib
import json
import subprocess
import threading
import time


def forget(profile):
    """Of what the node remembers only the numbers are left that must not be used twice (lib/core/save.h): those of its handshakes and
    of its presence record. Without them its new record counts as the old one for up to a minute."""
    path = profile / "state/state"
    try:
        kept = path.read_bytes()[:25]
    except OSError:
        return
    kept = kept[:8] + b"\x02" + kept[9:] + bytes(4)
    path.write_bytes(kept + hashlib.blake2b(kept, digest_size=16, key=kept[:8]).digest())


class Peer:
    """A kith-peer in a namespace: lines to it, events from it. It remembers nothing of a run before."""

    def __init__(self, world, site):
        self.site = site
        self.events, self.changed = [], threading.Condition()
        profile = world.tmp / site.name
        forget(profile)
        words = [str(world.options.build / "tests/e2e/kith-peer"), "--profile", str(profile)]
        if site.words.get("wall") == "proxy":
            words += ["--proxy", "http://192.168.1.1:8888"]
        self.process = subprocess.Popen(world.command(site, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            with self.changed:
                self.events.append(event)
                self.changed.notify_all()

    def first(self, name):
        return next(e for e in self.events if e["event"] == name)

    def wait(self, holds, seconds, since=0):
        """The first event for which that holds; None if it does not come in time, or the node ends."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                for event in self.events[since:]:
                    if holds(event):
                        return event
                since = len(self.events)
                left = end - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    return None
                self.changed.wait(min(left, 0.5))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, command):
        with self.changed:
            since = len(self.events)
        self.say(command)
        answer = self.wait(lambda e: e["event"] == command, 5, since)
        if answer is None:
            raise RuntimeError(f"{self.site.name}: no answer to {command}")
        return answer

    def stats(self):
        return self.ask("stats")

    def paths(self):
        return self.ask("paths")["paths"]

    def stop(self):
        try:
            self.say("quit")
            self.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.reader.join(2)


def natbox_of(build, path, seed):
    """A kith-natbox that is ready; None if it could not be started."""
    box = subprocess.Popen([str(build / "bench/kith-natbox"), "--seed", str(seed), str(path)], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True, start_new_session=True)
    line = box.stdout.readline()
    return box if line and json.loads(line)["event"] == "ready" else None
