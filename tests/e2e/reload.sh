#!/usr/bin/env bash
# SIGHUP: what can change while kithd runs does, what cannot is named, what is wrong changes nothing. Names that do not resolve hold
# nothing up. A second SIGTERM or SIGINT ends it at once.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
port=$((20000 + $$ % 20000))
make_profiles 127.0.0.1:1 -- s1 s2 -- alice
rm "$tmp/s1/bootstrap" "$tmp/s2/bootstrap" "$tmp/alice/bootstrap"
supernode_conf s1 "127.0.0.1:$port" 'allow_loopback = yes'
start_kithd s1 -

leaf_conf() {
	printf 'profile = "%s"\ncontrol = "%s"\nlisten = {"127.0.0.1:0"}\nallow_loopback = yes\n' "$tmp/alice" "$tmp/alice.sock" >"$tmp/alice.conf"
	printf 'log_format = json\nlog_clear = yes\n' >>"$tmp/alice.conf"
	printf '%s\n' "$@" >>"$tmp/alice.conf"
}

# reload NAME EXPR: says so, and an event for which EXPR holds comes.
reload() {
	local from
	from=$(mark "$1")
	kill -HUP "${pid_of[$1]}"
	wait_for "$1" "$from" 5 "$2"
}

# A name that does not exist: the node runs, tells that it is connecting, and which name it is.
leaf_conf 'bootstrap = {"nobody.invalid:4433"}'
start_kithd alice -
is alice 'e["state"]' connecting || fail "not connecting: $(status alice e)"
is alice 'e["bootstrap"][0]["host"]' nobody.invalid:4433 || fail "no name: $(status alice e)"
wait_for alice 0 30 'e["event"] == "trouble" and e["what"] == "bootstrap" and "nobody.invalid" in e["why"]' >/dev/null
"$kith" status --socket "$tmp/alice.sock" >"$tmp/said"
grep -q '^state: connecting leaf' "$tmp/said" || fail "state: $(cat "$tmp/said")"
grep -q '^bootstrap: nobody.invalid:4433 does not resolve (not found); trying again' "$tmp/said" || fail "$(cat "$tmp/said")"
# It knows one more host, and goes there at once.
leaf_conf "bootstrap = {\"nobody.invalid:4433\", \"localhost:$port\"}" 'leave_timeout = 60'
reload alice 'e["event"] == "reloaded"' >/dev/null
wait_for alice 0 10 'e["event"] == "attached" and e["homes"] == 1' >/dev/null
is alice 'e["state"]' running || fail "state: $(status alice 'e["state"]')"
"$kith" status --socket "$tmp/alice.sock" | grep -q 'nobody.invalid:4433 does not resolve' || fail "the name was forgotten"
wait_for alice 0 1 'e["event"] == "reloaded" and e["changed"] == "bootstrap: 1 given -> 2 given, leave_timeout: default -> 60"' >/dev/null
# One less: it stays until a restart.
leaf_conf "bootstrap = {\"localhost:$port\"}" 'leave_timeout = 60' 'ping = no'
reload alice 'e["event"] == "restart-needed" and e["options"] == "ping, bootstrap"' >/dev/null
is alice 'len(e["bootstrap"])' 2 || fail "a bootstrap host was taken away"

# Limits and STUN, which a supernode changes while it runs.
stun_answers() {
	python3 - "$port" <<'END'
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.5)
s.sendto(struct.pack("!HHI", 1, 0, 0x2112A442) + b"twelve bytes", ("127.0.0.1", int(sys.argv[1])))
try:
    s.recv(100)
except TimeoutError:
    sys.exit(1)
END
}
stun_answers || fail "STUN is not answered"
sed -i 's/^stun = yes/stun = no/' "$tmp/s1.conf"
echo 'relay_rate = 1M' >>"$tmp/s1.conf"
reload s1 'e["event"] == "reloaded" and e["changed"] == "stun: yes -> no, relay_rate: default -> 1M"' >/dev/null
! stun_answers || fail "STUN is answered still"
# What needs a restart is named, however often it is read; when it is taken back, nothing is left to say.
cp "$tmp/s1.conf" "$tmp/good"
sed -i "s/127.0.0.1:$port/127.0.0.1:$((port + 1))/" "$tmp/s1.conf"
echo 'offload = no' >>"$tmp/s1.conf"
for _ in 1 2; do
	reload s1 'e["event"] == "restart-needed" and e["options"] == "listen, offload"' >/dev/null
done
cp "$tmp/good" "$tmp/s1.conf"
from=$(mark s1)
reload s1 'e["event"] == "reloaded" and e["changed"] == ""' >/dev/null
reload s1 'e["event"] == "reloaded"' >/dev/null # behind it, everything of the first was written
no_event s1 "$from" 'e["event"] == "restart-needed"'

# What is wrong is refused as a whole, with file and line; the good part of it as well.
lines=$(wc -l <"$tmp/s1.conf")
wrong() {
	local text=$1
	shift
	cp "$tmp/good" "$tmp/s1.conf"
	printf '%s\n' 'log_level = debug' "$@" >>"$tmp/s1.conf"
	from=$(mark s1)
	reload s1 'e["event"] == "reload-refused"' | value 'e["why"]' >"$tmp/said"
	grep -qF "$tmp/s1.conf:$((lines + 2)): $text" "$tmp/said" || fail "not '$((lines + 2)): $text' in: $(cat "$tmp/said")"
	no_event s1 "$from" 'e["event"] == "reloaded" or e["level"] == "debug"'
}
wrong 'tunnels_max: found "many"; expected a number' 'tunnels_max = many'
wrong 'tunels_max: there is no such option; did you mean tunnels_max?' 'tunels_max = 7'
wrong "revocations: $tmp/nolist cannot be read: there is no such file" "revocations = {\"$tmp/nolist\"}"
wrong "bootstrap: found \"nowhere\"; expected" 'bootstrap = {"nowhere"}'
rm "$tmp/s1.conf"
reload s1 'e["event"] == "reload-refused" and "there is no such file" in e["why"]' >/dev/null
cp "$tmp/good" "$tmp/s1.conf"
reload s1 'e["event"] == "reloaded"' >/dev/null
is alice 'len(e["homes"])' 1 || fail "reading the configuration has cost alice her home"
# Signals interrupt the loop as it waits; that is no load.
no_event s1 0 'e["event"] in ("overload", "help_wanted")'

# Leaving waits for a home that does not answer (it is stopped, which nobody can tell); the second signal does not.
for signal in TERM INT; do
	kill -STOP "${pid_of[s1]}"
	from=$(mark alice)
	kill "-$signal" "${pid_of[alice]}"
	wait_for alice "$from" 5 'e["event"] == "leaving"' >/dev/null
	before=$(now_ms)
	kill "-$signal" "${pid_of[alice]}"
	await_end alice 5
	took=$(($(now_ms) - before))
	[ "$exit_code" = 1 ] || fail "a second SIG$signal: exit code $exit_code"
	[ "$took" -lt 1000 ] || fail "a second SIG$signal took $took ms"
	wait_for alice "$from" 1 'e["event"] == "stopped" and "at once" in e["how"]' >/dev/null
	kill -CONT "${pid_of[s1]}"
	[ "$signal" = INT ] || { start_kithd alice -; wait_for alice 0 15 'e["event"] == "attached" and e["homes"] == 1' >/dev/null; }
done
echo "PASS"
