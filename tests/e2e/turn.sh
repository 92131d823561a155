#!/usr/bin/env bash
# Both are behind NATs with a random port for each destination, so that no direct path opens. alice has a TURN server (coturn):
# bob, who knows of none, is reached by it. When it dies the tunnels carry the stream, and when it is back it does; alone, too, when
# no supernode gets through any more. A wrong password is told, and the next server is asked. kith status shows it.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
nets+=(turn)
address[turn]=66.6.0.6
net_up
net_public turn eth0
for router in ra rb; do
	in_ns "$router" nft -f - <<-END
		flush chain ip kith postrouting
		table ip kith {
			chain postrouting {
				oifname "wan" masquerade fully-random
			}
		}
	END
done

start_turn() {
	start coturn "$(ns turn)" turnserver -n -v --no-cli --no-tls --no-dtls --lt-cred-mech --realm example.org --user alice:secret \
		--listening-ip "${address[turn]}" --listening-port 3478 --min-port 50000 --max-port 50099 --stale-nonce=600 \
		--log-file stdout --pidfile "$tmp/turn.pid" --db "$tmp/turn.db"
	until_true 10 turn_listens
}
turn_listens() {
	in_ns turn ss -Hlun 'sport = :3478' | grep -q .
}
server=turn:alice:secret@${address[turn]}:3478

net_supernodes
start_turn
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)" --turn "$server"

# It carries the stream, and the supernodes do not.
from=$(mark alice)
from_bob=$(mark bob)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "connected"' >/dev/null
say alice flow 50
say bob flow 50
wait_for alice "$from" 10 'e["event"] == "path" and e["kind"] == "turn"' >/dev/null
wait_for bob "$from_bob" 10 'e["event"] == "path" and e["kind"] == "turn"' >/dev/null
no_event alice "$from" 'e["event"] == "path" and e["kind"] == "direct"'
say alice explain
explain=$(wait_for alice "$from" 5 'e["event"] == "explain"' | value 'e["text"]')
grep -q '^path: \* turn   55\.5\.0\.5:' <<<"$explain" || fail "explain does not say that the path is a TURN server's: $explain"
grep -q '^verdict: relayed' <<<"$explain" || fail "explain does not say that it is relayed: $explain"

# The server dies: the tunnels take over. It comes back, and so does the path.
more_has_come() {
	[ "$(received bob)" -ge $((before + $1)) ] && [ "$(received alice)" -ge $((back + $1)) ]
}
before=$(received bob) back=$(received alice)
from=$(mark alice)
crash coturn
wait_for alice "$from" 10 'e["event"] == "path" and e["kind"] == "relay"' >/dev/null
until_true 10 more_has_come 50
wait_for alice "$from" 10 "e['event'] == 'trouble' and e['why'] == 'a TURN server does not relay: ${address[turn]}:3478: nobody listens there'" >/dev/null
from=$(mark alice)
start_turn
wait_for alice "$from" 12 'e["event"] == "trouble" and e["why"] == "a TURN server relays again"' >/dev/null
wait_for alice "$from" 10 'e["event"] == "path" and e["kind"] == "turn"' >/dev/null
echo "it died, relays carried on, and it came back"

# No supernode gets through any more: it carries all alone.
for name in s1 s2 s3; do
	block ra "${address[$name]}"
	block rb "${address[$name]}"
done
relayed=$(packets ra relay_out) before=$(received bob) back=$(received alice)
until_true 15 more_has_come 100
[ "$(packets ra relay_out)" = "$relayed" ] || fail "packets to supernodes passed a router that blocks them"
say bob flow 0
echo "by TURN alone; all $(all_arrived alice bob) records arrived in order"
stop alice
stop bob
! grep secret "$tmp"/{alice,bob}.{out,log} || fail "a password is told"

# The first server wants another password, which is told; the second one relays, which is given up when kithd ends.
cat >"$tmp/alice.conf" <<END
profile = "$tmp/alice"
control = "$tmp/alice.sock"
turn = {"turn:alice:guessed@${address[turn]}:3478", "$server"}
log_clear = yes
END
start alice "$(ns alice)" "$kithd" -c "$tmp/alice.conf"
until_true 10 is alice 'e["turn"]["state"]' relayed
[ "$(status alice 'e["turn"]["server"]')" = "${address[turn]}:3478" ] || fail "kith status: $("$kith" status --json --socket "$tmp/alice.sock")"
"$kith" status --socket "$tmp/alice.sock" >"$tmp/status"
grep -qE "^TURN: ${address[turn]}:50[0-9]{3} by ${address[turn]}:3478, 0 permissions\$" "$tmp/status" || fail "kith status: $(cat "$tmp/status")"
grep -qF "TURN, last error: ${address[turn]}:3478: the user or the password is wrong (401)" "$tmp/status" || fail "kith status: $(cat "$tmp/status")"
grep -qF 'the user or the password is wrong (401)' "$tmp/alice.log" || fail "kithd does not tell: $(cat "$tmp/alice.log")"
stop alice
given_up() {
	grep -q 'lifetime=0$' "$tmp/coturn.out"
}
until_true 5 given_up
! grep -E 'guessed|secret' "$tmp"/{alice.out,alice.log,status} || fail "a password is told"
echo "a wrong password is told, the next server asked, and its address given up"
echo "PASS"
