#!/usr/bin/env python3
"""hello.py PROFILE [NAME]: as hello.c, and talks with it. Needs nothing but Python and libkith.so.0.1.

The node is driven by the loop of asyncio, so all callbacks run on Python's own thread. No struct of the library is declared:
options and callbacks are set by their names, and names are asked for.
"""
import asyncio
import ctypes
import signal
import sys
from ctypes import CFUNCTYPE, POINTER, c_bool, c_char_p, c_int, c_int64, c_size_t, c_uint, c_uint16, c_void_p

kith = ctypes.CDLL("libkith.so.0.1")


def declare(name, result, *arguments):
    function = getattr(kith, name)
    function.restype, function.argtypes = result, arguments


CONNECTED = CFUNCTYPE(None, c_void_p, c_int, c_void_p, c_void_p)  # kith_connect_fn
CALLBACKS = {  # as in <kith/node.h> and <kith/session.h>; a pointer to what is not looked at is a c_void_p
    "started": CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_void_p),
    "attached": CFUNCTYPE(None, c_void_p, c_uint, c_void_p),
    "incoming": CFUNCTYPE(None, c_void_p, c_void_p, c_void_p, c_void_p),
    "presence": CFUNCTYPE(None, c_void_p, c_char_p, c_bool, c_void_p),
    "datagram": CFUNCTYPE(None, c_void_p, c_uint16, c_void_p, c_size_t, c_void_p),
    "closed": CFUNCTYPE(None, c_void_p, c_int, c_bool, c_void_p),
}
declare("kith_strerror", c_char_p, c_int)
declare("kith_close_text", c_char_p, c_uint)
declare("kith_node_options_new", c_void_p)
declare("kith_node_options_free", None, c_void_p)
declare("kith_node_options_load", c_int, c_void_p, c_char_p, c_char_p, c_size_t)
declare("kith_node_options_set", c_int, c_void_p, c_char_p, c_char_p)
for kind in "node", "conn":
    declare(f"kith_{kind}_callbacks_new", c_void_p)
    declare(f"kith_{kind}_callbacks_free", None, c_void_p)
    declare(f"kith_{kind}_callbacks_set", c_int, c_void_p, c_char_p, c_void_p)
    declare(f"kith_{kind}_name", c_char_p, c_void_p)
declare("kith_node_new", c_int, POINTER(c_void_p), c_void_p, c_void_p, c_void_p)
for call in "start", "fd", "timeout", "process", "free":
    declare(f"kith_node_{call}", c_int, c_void_p)
declare("kith_node_close", c_int, c_void_p, c_void_p)
declare("kith_serve", c_int, c_void_p, c_char_p)
declare("kith_watch", c_int, c_void_p, c_char_p)
declare("kith_connect", c_int, c_void_p, c_char_p, c_char_p, c_int64, CONNECTED, c_void_p, c_void_p)
declare("kith_conn_set_callbacks", c_int, c_void_p, c_void_p, c_void_p)
declare("kith_conn_accept", c_int, c_void_p)
declare("kith_conn_send", c_int, c_void_p, c_uint16, c_char_p, c_size_t)


def check(err, what="libkith"):
    if err != 0:
        raise OSError(f"{what}: {kith.kith_strerror(err).decode()}")


def callbacks(kind, **functions):
    """Callbacks of the library (kind: node or conn), and what keeps these functions alive: as long as they may be called."""
    cb = getattr(kith, f"kith_{kind}_callbacks_new")()
    kept = {name: CALLBACKS[name](function) for name, function in functions.items()}
    for name, function in kept.items():
        check(getattr(kith, f"kith_{kind}_callbacks_set")(cb, name.encode(), ctypes.cast(function, c_void_p)), name)
    return cb, kept


class Hello:
    def __init__(self, loop, profile, name):
        self.loop, self.name, self.timer, self.exit_code = loop, name, None, 0
        self.conn_callbacks, self.kept_conn = callbacks("conn", datagram=self.datagram, closed=self.conn_closed)
        self.connected = CONNECTED(self.on_connected)
        cb, self.kept = callbacks("node", started=self.started, attached=self.attached, incoming=self.incoming,
                                  presence=self.presence)
        options, why, node = kith.kith_node_options_new(), ctypes.create_string_buffer(512), c_void_p()
        if kith.kith_node_options_load(options, profile.encode(), why, len(why)) != 0:
            sys.exit(f"hello.py: {why.value.decode()}")
        check(kith.kith_node_options_set(options, b"driven", b"true"))
        check(kith.kith_node_new(ctypes.byref(node), options, cb, None), profile)
        kith.kith_node_options_free(options)
        kith.kith_node_callbacks_free(cb)
        self.node = node
        check(kith.kith_serve(node, b"hello"))
        check(kith.kith_node_start(node))
        loop.add_reader(kith.kith_node_fd(node), self.process)
        loop.add_signal_handler(signal.SIGINT, self.leave)
        self.process()

    def process(self):
        """Lets the node do what is to be done, and sees to when it is due again."""
        if self.timer is not None:
            self.timer.cancel()
        if kith.kith_node_process(self.node) != 0:
            self.loop.stop()
            return
        wait_ms = kith.kith_node_timeout(self.node)
        self.timer = self.loop.call_later(wait_ms / 1000, self.process) if wait_ms >= 0 else None

    def leave(self):
        print("leaving")
        kith.kith_node_close(self.node, None)
        self.process()  # a call from outside of a callback has left something to do

    # ---- callbacks ----

    def started(self, node, err, why, _user):
        if err == 0:
            print(f"this is {kith.kith_node_name(node).decode()}")
            err = kith.kith_watch(node, self.name.encode()) if self.name else 0
            why = kith.kith_strerror(err)
        if err != 0:
            print(f"cannot start: {why.decode()}")
            self.exit_code = 1
            kith.kith_node_close(node, None)

    def attached(self, _node, homes, _user):
        print(f"attached to {homes} supernode(s)")

    def incoming(self, _node, conn, _who, _user):
        print(f"{kith.kith_conn_name(conn).decode()} calls")
        kith.kith_conn_set_callbacks(conn, self.conn_callbacks, None)
        kith.kith_conn_accept(conn)

    def presence(self, node, name, online, _user):
        print(f"{name.decode()} is {'online' if online else 'offline'}")
        if online:
            check(kith.kith_connect(node, name, b"hello", 0, self.connected, None, None))

    def on_connected(self, _call, err, conn, _user):
        if err != 0:
            print(f"cannot reach {self.name}: {kith.kith_strerror(err).decode()}")
            return
        kith.kith_conn_set_callbacks(conn, self.conn_callbacks, None)
        check(kith.kith_conn_send(conn, 0, b"hello", 5))

    def datagram(self, conn, channel, data, length, _user):
        text = ctypes.string_at(data, length)
        print(f"{kith.kith_conn_name(conn).decode()} says: {text.decode(errors='replace')}")
        if text == b"hello":
            check(kith.kith_conn_send(conn, channel, b"hello yourself", 14))

    def conn_closed(self, _conn, reason, remote, _user):
        print(f"the session is over: {kith.kith_close_text(reason).decode()}{', by the other side' if remote else ''}")


def main():
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: hello.py PROFILE [NAME]")
    sys.stdout.reconfigure(line_buffering=True)
    loop = asyncio.new_event_loop()
    hello = Hello(loop, sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    loop.run_forever()
    loop.remove_reader(kith.kith_node_fd(hello.node))
    check(kith.kith_node_free(hello.node))
    sys.exit(hello.exit_code)


if __name__ == "__main__":
    main()
