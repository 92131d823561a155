#!/usr/bin/env bash
# Everything on one machine, without root: three supernodes, two accounts; by the control socket and by the programs.
# NATs and dying paths need namespaces: the other scripts have them.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
port=$((20000 + $$ % 20000))
make_profiles "127.0.0.1:$port" "127.0.0.2:$port" "127.0.0.3:$port" -- s1 s2 s3 -- alice bob carol
for i in 1 2 3; do
	supernode_conf "s$i" "127.0.0.$i:$port" 'allow_loopback = yes' "revocations = {\"$tmp/revocations\"}"
done
"$kith" ca revoke "$tmp/ca" carol --out "$tmp/revocations" >/dev/null
for i in 1 2 3; do start_kithd "s$i" -; done
await_members s1 s2 s3

# A revoked account gets no home.
start carol - "$peer" --profile "$tmp/carol" --allow-loopback
wait_for carol 0 10 'e["event"] == "started"' >/dev/null

start_peer bob - --allow-loopback
start_peer alice - --allow-loopback
no_event carol 0 'e["event"] in ("attached", "published") and e.get("homes", 1) > 0'

# The command line, by kithd's socket and with a node of its own.
for name in alice bob s2; do
	"$kith" lookup "$name" --json --socket "$tmp/s1.sock" | value 'any(d["online"] for d in e["devices"])' | grep -q true ||
		fail "lookup $name"
done
code=0
"$kith" lookup nobody --socket "$tmp/s1.sock" 2>/dev/null || code=$?
[ "$code" = 3 ] || fail "lookup of nobody: exit code $code"
ping=$("$kith" ping s3 --json --count 5 --interval 20 --socket "$tmp/s1.sock")
[ "$(value '[e["sent"], e["received"]]' <<<"$ping")" = "[5, 5]" ] || fail "ping: $ping"
[ "$(value 'e["peer"]["name"]' <<<"$ping")" = s3 ] || fail "ping: $ping"
"$kith" explain s2 --wait 1 --socket "$tmp/s1.sock" | grep -q '^verdict: direct' || fail "explain"
"$kith" ca issue "$tmp/ca" dave --profile "$tmp/dave" --no-passphrase --bootstrap "127.0.0.2:$port" >/dev/null
"$kith" ping s1 --json --profile "$tmp/dave" --allow-loopback --count 3 --interval 20 | value 'e["received"]' | grep -q 3 || fail "a node of its own"

# A call between the accounts, with data both ways.
from=$(mark alice)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
say alice flow 5
say bob flow 5
until_true 10 has_received bob 100
until_true 10 has_received alice 100
echo "$(all_arrived alice bob) and $(all_arrived bob alice) records arrived in order"

# SIGHUP: another log level, and a longer revocation list. Bob loses his home here, and those that are only told of it
# by this one; alice hears of it from her homes, and hangs up.
"$kith" ca revoke "$tmp/ca" bob --out "$tmp/revocations" >/dev/null
echo 'log_level = debug' >>"$tmp/s1.conf"
from=$(mark s1)
bob_from=$(mark bob)
alice_from=$(mark alice)
kill -HUP "${pid_of[s1]}"
wait_for s1 "$from" 5 'e["event"] == "reloaded" and e["log_level"] == "debug"' >/dev/null
wait_for bob "$bob_from" 15 'e["event"] == "attached" and e["homes"] == 0' >/dev/null
wait_for alice "$alice_from" 40 'e["event"] == "closed" and "certificate" in e["reason"]' >/dev/null
for i in 2 3; do
	"$kith" status --json --socket "$tmp/s$i.sock" | value 'e["counters"]["LISTS_TAKEN"]' | grep -qx '[1-9][0-9]*' ||
		fail "s$i took no list from another"
done
"$kith" revoke "$tmp/revocations" --socket "$tmp/s2.sock" >/dev/null # which has it
echo "a revoked account was cut off everywhere, by a list that one supernode was given"
echo 'log_level = loud' >>"$tmp/s1.conf"
from=$(mark s1)
kill -HUP "${pid_of[s1]}"
wait_for s1 "$from" 5 'e["event"] == "reload-refused" and "log_level" in e["why"]' >/dev/null

# The control socket: its mode, its bounds, and what is no request.
[ "$(stat -c %a "$tmp/s1.sock")" = 600 ] || fail "the control socket's mode is $(stat -c %a "$tmp/s1.sock")"
python3 - "$tmp/s1.sock" <<'END' || fail "the control socket"
import json, socket, sys
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(10)
    return s, s.makefile("rw")
s, f = connect()
def ask(text):
    f.write(text + "\n")
    f.flush()
    return json.loads(f.readline())
for bad in ("", "[]", "{", '{"command": 7}', '{"command": "dance"}', '{"command": "lookup"}', '{"command": "lookup", "name": "A B"}',
            '{"command": "status", "command": "status"}', '"\\u0000"', "\xff"):
    answer = ask(bad)
    assert answer["ok"] is False and answer["code"] and answer["error"], (bad, answer)
assert ask('{"id": [1, "x"], "command": "status"}')["id"] == [1, "x"]
# Several lines at once: answered in order.
f.write('{"id": 1, "command": "lookup", "name": "s2"}\n{"id": 2, "command": "status"}\n{"id": 3, "command": "sessions"}\n')
f.flush()
assert [json.loads(f.readline())["id"] for _ in range(3)] == [1, 2, 3]
# A line without an end is not collected for ever.
long, g = connect()
try:
    long.sendall(b"x" * 200000)
    assert long.recv(10) == b""
except (ConnectionResetError, BrokenPipeError):
    pass
# Hanging up in the middle of a command harms nobody.
for _ in range(8):
    gone, g = connect()
    gone.sendall(b'{"command": "ping", "name": "s3", "count": 1000}\n')
    gone.close()
# No more than 16 clients at once, this one among them, and those that are there go on. Whoever has just hung up may still count.
many = [connect() for _ in range(30)]
def served(one):
    s, g = one
    try:
        s.sendall(b'{"command": "status"}\n')
    except (ConnectionResetError, BrokenPipeError):
        pass # refused, as the line that waits tells
    answer = json.loads(g.readline())
    assert answer["ok"] or answer["code"] == "EFULL", answer
    return answer["ok"]
served_n = sum(1 for one in many if served(one))
assert 16 - 1 - 8 - 1 <= served_n <= 16 - 1, served_n
assert ask('{"command": "status"}')["ok"] is True
END

# The root revokes the only issuer: whoever takes that list keeps no session with a name of it.
"$kith" ca revoke "$tmp/ca" --issuer "$tmp/ca/issuer.cert" --out "$tmp/root-list" >/dev/null
sed -i "s|^revocations = .*|revocations = {\"$tmp/revocations\", \"$tmp/root-list\"}|; s/= loud/= info/; /^log_level = debug/d" "$tmp/s1.conf"
from=$(mark s1)
alice_from=$(mark alice)
kill -HUP "${pid_of[s1]}"
wait_for s1 "$from" 5 'e["event"] == "revocations-read" and e["file"].endswith("root-list")' >/dev/null
"$kith" revoke "$tmp/root-list" --socket "$tmp/s2.sock" >/dev/null
"$kith" revoke "$tmp/root-list" --socket "$tmp/s3.sock" >/dev/null
wait_for alice "$alice_from" 15 'e["event"] == "attached" and e["homes"] == 0' >/dev/null
[ "$("$kith" status --json --socket "$tmp/s1.sock" | value 'e["tables"]["leaves"]')" = 0 ] || fail "s1 serves names of a revoked issuer"
echo "a revoked issuer: all its names were cut off"

# Nobody can be reached any more, but what ended a session is still told.
"$kith" explain s3 --timeout 2 --socket "$tmp/s1.sock" >"$tmp/explained" 2>&1 && fail "s3 was reached"
grep -q '^ended: [0-9]* ms ago, by ' "$tmp/explained" || fail "how the last session ended: $(cat "$tmp/explained")"
"$kith" explain nobody --timeout 2 --socket "$tmp/s1.sock" >"$tmp/explained" 2>&1 && fail "nobody was reached"
grep -q '^ended:' "$tmp/explained" && fail "there was no session with nobody: $(cat "$tmp/explained")"

# The first signal leaves in order, the second at once.
stop s3
[ "$exit_code" = 0 ] || fail "SIGTERM: $exit_code"
stop s2 INT
[ "$exit_code" = 0 ] || fail "SIGINT: $exit_code"
hang_up alice
await_end alice 10
[ "$exit_code" = 0 ] || fail "alice ended with $exit_code"
echo "PASS"
