#!/usr/bin/env bash
# A kithd that says nothing of its role is a leaf that may be asked to serve, and tells why it does not. Its operator has it serve and
# stop while it runs, by kith serve and by SIGHUP, and a session of its own goes on meanwhile.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
port=$((20000 + $$ % 20000))
make_profiles "127.0.0.1:$port" -- s1 s2 -- alice
supernode_conf s1 "127.0.0.1:$port" 'allow_loopback = yes'
start_kithd s1 -

# conf NAME PORT [LINE...]: without a role.
conf() {
	local name=$1 at=$2
	shift 2
	printf 'profile = "%s"\ncontrol = "%s"\nlisten = {"127.0.0.1:%s"}\nallow_loopback = yes\nlog_format = json\nlog_clear = yes\n' \
		"$tmp/$name" "$tmp/$name.sock" "$at" >"$tmp/$name.conf"
	[ $# = 0 ] || printf '%s\n' "$@" >>"$tmp/$name.conf"
}

conf s2 $((port + 1))
conf alice 0
start_kithd s2 -
start_kithd alice -
for name in s2 alice; do wait_for "$name" 0 15 'e["event"] == "published"' >/dev/null; done
wait_for s2 0 1 'e["event"] == "started" and e["role"] == "auto"' >/dev/null

# Seen at an address that may be a NAT's, and nobody has proven anything.
is s2 'e["role"]' leaf || fail "$(status s2 e)"
is s2 'e["serving"]["role"]' auto || fail "$(status s2 'e["serving"]')"
is s2 'e["serving"]["serves"], e["serving"]["why"]' "(False, 'unproven')" || fail "$(status s2 'e["serving"]')"
"$kith" status --socket "$tmp/s2.sock" >"$tmp/said"
grep -q '^role: auto, a leaf since .*: nobody has proven yet that others can reach it$' "$tmp/said" || fail "$(cat "$tmp/said")"
no_event s2 0 'e["event"] == "role"'

# A session of s2's own, through all that follows.
(
	"$kith" ping s2 --socket "$tmp/alice.sock" --json --count 200 --interval 100 >"$tmp/pings" 2>&1
	echo $? >"$tmp/pinged"
) &
wait_for s2 0 10 'e["event"] == "incoming"' >/dev/null

serves() {
	wait_for "$1" "$2" 10 "e[\"event\"] == \"role\" and e[\"is\"] == \"$3\" and e[\"why\"] == \"$4\"" >/dev/null
}

from=$(mark s2)
"$kith" serve on --socket "$tmp/s2.sock" >"$tmp/said"
grep -q '^role: supernode, a supernode since 0 s: its role is supernode$' "$tmp/said" || fail "$(cat "$tmp/said")"
grep -q "^reached at: 127.0.0.1:$((port + 1))$" "$tmp/said" || fail "$(cat "$tmp/said")"
serves s2 "$from" supernode configured
is s2 'e["role"], e["serving"]["why"]' "('supernode', 'configured')" || fail "$(status s2 'e["serving"]')"
await_members s1 s2
from=$(mark s2)
"$kith" serve off --socket "$tmp/s2.sock" >/dev/null
serves s2 "$from" leaf leaf
wait_for s2 "$from" 15 'e["event"] == "attached" and e["homes"] > 0' >/dev/null
is s2 'e["serving"]["role"]' leaf || fail "$(status s2 'e["serving"]')"
"$kith" serve auto --json --socket "$tmp/s2.sock" >"$tmp/said"
[ "$(value 'e["serving"]["role"]' <"$tmp/said")" = auto ] || fail "$(cat "$tmp/said")"
code=0
"$kith" serve perhaps --socket "$tmp/s2.sock" 2>"$tmp/said" || code=$?
[ "$code" = 2 ] || fail "exit code $code: $(cat "$tmp/said")"

# The same by the configuration, with caps; it takes the place of what was said before.
reload() {
	from=$(mark "$1")
	kill -HUP "${pid_of[$1]}"
	wait_for "$1" "$from" 5 "$2"
}
conf s2 $((port + 1)) 'role = supernode' 'serve_leaves_max = 1' 'serve_up_max = 500k'
reload s2 'e["event"] == "reloaded"' | value 'e["changed"]' >"$tmp/said"
[ "$(cat "$tmp/said")" = 'role: default -> supernode, serve_leaves_max: default -> 1, serve_up_max: default -> 500k' ] ||
	fail "$(cat "$tmp/said")"
serves s2 "$from" supernode configured
is s2 'e["serving"]["caps"]["leaves"], e["serving"]["caps"]["relay_rate"], e["serving"]["caps"]["up"]' '(1, 500000, 500000)' ||
	fail "$(status s2 'e["serving"]')"
"$kith" status --socket "$tmp/s2.sock" | grep -q '^load: 0 % of at most 1 leaves, 500000 bytes/s for others, up 500000 bytes/s$' ||
	fail "$("$kith" status --socket "$tmp/s2.sock")"
conf s2 $((port + 1)) 'role = leaf'
reload s2 'e["event"] == "reloaded"' >/dev/null
serves s2 "$from" leaf leaf
no_event s2 0 'e["event"] == "restart-needed"'

# A name that is not certified: refused, with what helps, and nothing is changed.
code=0
"$kith" serve on --socket "$tmp/alice.sock" 2>"$tmp/said" || code=$?
[ "$code" != 0 ] || fail "alice serves"
grep -q 'not certified as a supernode: kith ca issue --supernode' "$tmp/said" || fail "$(cat "$tmp/said")"
conf alice $((port + 2)) 'role = supernode' 'log_level = debug'
reload alice 'e["event"] == "reload-refused"' | value 'e["why"]' >"$tmp/said"
grep -qF "$tmp/alice.conf:7: role: the name is not certified as a supernode" "$tmp/said" || fail "$(cat "$tmp/said")"
is alice 'e["serving"]["role"]' auto || fail "$(status alice 'e["serving"]')"

until_true 30 test -s "$tmp/pinged"
[ "$(cat "$tmp/pinged")" = 0 ] || fail "the session ended: $(cat "$tmp/pings")"
[ "$(value 'e["sent"], e["received"]' <"$tmp/pings")" = '(200, 200)' ] || fail "pings were lost: $(cat "$tmp/pings")"
echo "PASS"
