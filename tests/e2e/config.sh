#!/usr/bin/env bash
# Every mistake in a configuration file is told with file, line, option and what was expected, and ends kithd with 2, before it has
# opened anything.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
export KITH_QUIET=1
conf=$tmp/kithd.conf
make_profiles 127.0.0.1:1 -- s1 -- alice
cases=0

# wrong LINE TEXT: the configuration on standard input is refused; LINE - : a mistake of the file as a whole.
wrong() {
	local line=$1 text=$2 code=0 where="$conf:"
	[ "$line" = - ] || where="$conf:$line:"
	cat >"$conf"
	"$kithd" -c "$conf" --check-config >"$tmp/said.out" 2>"$tmp/said" || code=$?
	[ "$code" = 2 ] || fail "exit code $code instead of 2 for: $(cat "$conf"); it said: $(cat "$tmp/said")"
	grep -qF "kithd: $where " "$tmp/said" || fail "not '$where' in: $(cat "$tmp/said")"
	grep -qF -- "$text" "$tmp/said" || fail "not '$text' in: $(cat "$tmp/said")"
	[ "$(wc -l <"$tmp/said")" = 1 ] || fail "more than one line: $(cat "$tmp/said")"
	# The same without --check-config.
	code=0
	timeout 10 "$kithd" -c "$conf" >/dev/null 2>&1 || code=$?
	[ "$code" = 2 ] || fail "exit code $code instead of 2 without --check-config for: $(cat "$conf")"
	cases=$((cases + 1))
}

fine() {
	cat >"$conf"
	"$kithd" -c "$conf" --check-config >"$tmp/said" 2>&1 || fail "refused: $(cat "$tmp/said"), of: $(cat "$conf")"
	cases=$((cases + 1))
}

key=$(head -n1 "$tmp/alice/network")
ok="profile = \"$tmp/alice\""

# What is right.
fine <<<"$ok"
fine <<<"# a comment with { and \" in it
$ok // another one
listen = {\"127.0.0.1:0\", \"[::1]:0\"}
bootstrap = {\"example.org:4433\", \"[2001:db8::1]:4433\"}
bootstrap += {\"192.0.2.1:4433 $key\"}
log_level = debug
sessions_max = 10k
stream_window_max = 2M
session_window_max = 2M
windows_max = 100k"
fine <<<"role = supernode
profile = \"$tmp/s1\"
listen = {\"0.0.0.0:4433\"}
advertise = {\"198.51.100.1:4433\"}
relay_rate = 10M
stun = yes"
fine <<<"$ok
role = auto
listen = {\"0.0.0.0:4433\"}
serve_on_battery = yes
serve_on_metered = yes
serve_leaves_max = 500
serve_up_max = 1M
serve_down_max = 2M
serve_memory_max = 64M
election_pace = 3600
relay_rate = 500k
relay_identity_rate = 100k"
fine <<<"key = \"$tmp/alice/key\"
chain = \"$tmp/alice/chain\"
network = $key"
fine <<<"$ok
revocations = {}"

# Grammar. Comments must not shift the lines.
wrong 2 'rol: there is no such option; did you mean role?' <<<"$ok
rol = leaf"
wrong 4 'colour: there is no such option; kithd.conf(5) lists them' <<<"# one
# two
// three
colour = red"
wrong 1 'expected: option = value' <<<'role leaf'
wrong 3 'expected: option = value' <<<"$ok
listen = {\"127.0.0.1:0\""
wrong 1 'expected: option = value' <<<'role = {leaf, supernode}'
wrong 3 'role: given twice; the first is in line 2' <<<"$ok
role = leaf
role = leaf"
printf 'role = leaf\nprofile = "a\001b"\n' | wrong 2 'control character'
head -c 100 /dev/zero | wrong 1 'control character'
wrong 1 'expected either profile' <<<''
wrong 1 'expected: option = value' <<<'}'

# Values.
wrong 1 'role: found "boss"; expected auto, leaf or supernode' <<<'role = boss'
wrong 1 'profile: found ""; expected a path' <<<'profile = ""'
wrong 1 'turn: what was found is not that; expected "turn:USER:PASSWORD@ADDRESS:PORT"' <<<'turn = "turn:alice:hunter2@turn.example:3478"'
! grep -q hunter2 "$tmp/said" || fail "a password is repeated: $(cat "$tmp/said")"
wrong 1 'turn: what was found is not that; expected at most four servers' <<<'turn = {"turn:a:b@192.0.2.1:1", "turn:a:b@192.0.2.1:2", "turn:a:b@192.0.2.1:3", "turn:a:b@192.0.2.1:4", "turn:a:b@192.0.2.1:5"}'
wrong 2 'network: found "abc"; expected the network' <<<"$ok
network = abc"
wrong 1 'open_network: found ""; expected a label' <<<'open_network = ""'
wrong 2 'listen: found "localhost:1"; expected an address and a port' <<<"$ok
listen = {\"localhost:1\"}"
wrong 2 'listen: found "127.0.0.1"; expected an address and a port' <<<"$ok
listen = {\"127.0.0.1\"}"
wrong 3 'listen: found "127.0.0.2:1"; expected at most one address of each family' <<<"$ok
listen = {\"127.0.0.1:1\",
\"127.0.0.2:1\"}"
wrong 2 'listen: found "[::1]:2"; expected the same port' <<<"$ok
listen = {\"127.0.0.1:1\", \"[::1]:2\"}"
wrong 2 'advertise: found "0.0.0.0:1"; expected an address' <<<"role = supernode
advertise = {\"0.0.0.0:1\"}"
wrong 2 'advertise: found "198.51.100.1:0"; expected' <<<"role = supernode
advertise = {\"198.51.100.1:0\"}"
bad_port=('198.51.100.1' '198.51.100.1:0' '198.51.100.1:70000' '198.51.100.1:x' 'example.org:1')
for bad in 'example.org' 'example.org:0' 'example.org:70000' ':1' '[::1:4433' '::1:4433' 'example.org:4433 short' '1.2.3:1' 'a b:1' '-x:1'; do
	wrong 2 "bootstrap: found \"$bad\"; expected" <<<"$ok
bootstrap = {\"$bad\"}"
done
wrong 2 'log_level: found "loud"; expected error, warn, info or debug' <<<"$ok
log_level = loud"
wrong 2 'log_format: found "xml"; expected text, json or journal' <<<"$ok
log_format = xml"
wrong 2 'presence: found "contacts"; expected public or steps' <<<"$ok
presence = contacts"
wrong 2 'ping: found "perhaps"; expected yes or no' <<<"$ok
ping = perhaps"
for bad in 0 -1 1x 100001 1e3 ''; do
	wrong 2 "sessions_max: found \"$bad\"; expected a number from 1 to 100000" <<<"$ok
sessions_max = \"$bad\""
done
wrong 2 'leave_timeout: found "61"; expected seconds from 1 to 60' <<<"$ok
leave_timeout = 61"
for bad in 0 262143 2G 8MiB; do
	wrong 2 "stream_window_max: found \"$bad\"; expected bytes from 262144 to 1G" <<<"$ok
stream_window_max = \"$bad\""
done
wrong 2 'session_window_max: found "1M"; expected bytes from 1048576 to 1G' <<<"$ok
session_window_max = 1M"
wrong 2 'session_window_max: 16777216 is less than stream_window_max, 20000000' <<<"$ok
stream_window_max = 20M"
wrong 3 'session_window_max: 2000000 is less than stream_window_max, 3000000' <<<"$ok
stream_window_max = 3M
session_window_max = 2M"
for bad in 10T 11G 999 12.5M; do
	wrong 2 "relay_rate: found \"$bad\"; expected bytes per second from 1k to 10G" <<<"role = supernode
relay_rate = \"$bad\""
done
for bad in "${bad_port[@]}"; do
	wrong 2 "advertise: found \"$bad\"; expected" <<<"role = supernode
advertise = {\"$bad\"}"
done

# What does not fit together.
wrong 3 'network and open_network' <<<"$ok
network = $key
open_network = \"kith\""
wrong 2 'chain: missing' <<<"key = \"$tmp/alice/key\"
network = $key"
wrong 2 'network: missing' <<<"key = \"$tmp/alice/key\"
chain = \"$tmp/alice/chain\""
for only in 'stun = yes' 'advertise = {"198.51.100.1:1"}' 'tunnels_max = 5' 'relay_rate = 1M' 'relay_identity_rate = 1k' \
	'serve_leaves_max = 5' 'serve_up_max = 1M' 'serve_down_max = 1M' 'serve_memory_max = 64M'; do
	wrong 3 "${only%% *}: has no effect in the role leaf; remove it, or set role = auto, or supernode" <<<"$ok
role = leaf
$only"
done
for only in serve_on_battery serve_on_metered; do
	wrong 3 "$only: has no effect in the role leaf; remove it, or set role = auto" <<<"$ok
role = leaf
$only = yes"
	wrong 5 "$only: has no effect in the role supernode, which serves in any case" <<<"role = supernode
profile = \"$tmp/s1\"
listen = {\"0.0.0.0:4433\"}
advertise = {\"198.51.100.1:4433\"}
$only = yes"
done
wrong 2 'serve_memory_max: found "1M"; expected bytes from 1048576, such as 64M' <<<"$ok
serve_memory_max = 1M"
wrong 2 'serve_leaves_max: found "0"; expected a number from 1 to 100000' <<<"$ok
serve_leaves_max = 0"
for bad in 0 3601 1.5 fast; do
	wrong 2 "election_pace: found \"$bad\"; expected a number from 1 to 3600, and 1 but in a test network" <<<"$ok
election_pace = \"$bad\""
done
wrong 3 'election_pace: has no effect in the role leaf; remove it, or set role = auto, or supernode' <<<"$ok
role = leaf
election_pace = 60"
wrong 2 'a supernode needs a fixed port' <<<"$ok
role = supernode"
wrong 1 'advertise: missing' <<<"role = supernode
$ok
listen = {\"0.0.0.0:4433\"}"

# Files that it names.
wrong 1 "profile: $tmp/nowhere" <<<"profile = \"$tmp/nowhere\""
wrong 2 "chain: $tmp/nochain cannot be read: there is no such file" <<<"$ok
chain = \"$tmp/nochain\""
echo 'not armour' >"$tmp/text"
wrong 2 "revocations: $tmp/text holds no armoured text" <<<"$ok
revocations = {\"$tmp/text\"}"
wrong 2 "revocations: $tmp/alice/key holds no revocation list" <<<"$ok
revocations = {\"$tmp/alice/key\"}"
wrong 2 "issuers: $tmp cannot be read: it is not a regular file" <<<"$ok
issuers = {\"$tmp\"}"
sed 's/[A-Z]/a/' "$tmp/alice/chain" >"$tmp/damaged"
wrong 2 "chain: $tmp/damaged holds no armoured text, or a damaged one" <<<"$ok
chain = \"$tmp/damaged\""

# What only --check-config says, before the start would: file, line, what, and what to do.
unfit() {
	local line=$1 text=$2 code=0
	cat >"$conf"
	"$kithd" -c "$conf" --check-config >"$tmp/said.out" 2>"$tmp/said" </dev/null || code=$?
	[ "$code" = 2 ] || fail "exit code $code instead of 2 for: $(cat "$conf"); it said: $(cat "$tmp/said" "$tmp/said.out")"
	grep -qF -- "kithd: $conf:$line: $text" "$tmp/said" || fail "not '$conf:$line: $text' in: $(cat "$tmp/said")"
	cases=$((cases + 1))
}
# doubtful TEXT: fine, with a warning.
doubtful() {
	fine
	grep -qF -- "kithd: warning: $1" "$tmp/said" || fail "not '$1' in: $(cat "$tmp/said")"
	grep -qF "$conf: fine" "$tmp/said" || fail "not fine: $(cat "$tmp/said")"
}
super="role = supernode
listen = {\"0.0.0.0:4433\"}
advertise = {\"198.51.100.1:4433\"}"
unfit 1 'role: the name alice is not certified as a supernode; set role = auto or leaf, or have the name certified' <<<"$super
$ok"
unfit 2 "chain: $tmp/alice: the certificates are of another network" <<<"open_network = \"playground\"
$ok"
unfit 2 "key: $tmp/s1/key: the key is of another device than the certificates; take key and chain from the same profile" <<<"$ok
key = \"$tmp/s1/key\""
cp -r "$tmp/alice" "$tmp/open"
chmod 644 "$tmp/open/key"
unfit 1 "key: $tmp/open/key: others may read" <<<"profile = \"$tmp/open\""
"$kith" ca issue "$tmp/ca" brief --profile "$tmp/brief" --no-passphrase --days 1 >/dev/null
fine <<<"profile = \"$tmp/brief\""
unfit_later() {
	local text=$1 code=0
	cat >"$conf"
	LD_PRELOAD=$KITH_BUILD_DIR/tests/e2e/kith-faults.so KITH_CLOCK_DAYS=3 "$kithd" -c "$conf" --check-config >"$tmp/said.out" 2>"$tmp/said" </dev/null || code=$?
	[ "$code" = 2 ] && grep -qF -- "kithd: $conf:1: $text" "$tmp/said" || fail "$code, not '$text' in: $(cat "$tmp/said")"
	cases=$((cases + 1))
}
unfit_later "chain: $tmp/brief: the name's certificate ended on " <<<"profile = \"$tmp/brief\""
"$kith" ca revoke "$tmp/ca" brief >/dev/null
unfit 1 "chain: $tmp/brief: a list that is configured revokes this very name" <<<"profile = \"$tmp/brief\"
revocations = {\"$tmp/ca/revocations\"}"
echo 'a passphrase' >"$tmp/pass"
"$kith" ca issue "$tmp/ca" sealed --profile "$tmp/sealed" --passphrase-file "$tmp/pass" >/dev/null
doubtful "key: $tmp/sealed/key is protected, and was not opened" <<<"profile = \"$tmp/sealed\""
fine <<<"profile = \"$tmp/sealed\"
passphrase_file = \"$tmp/pass\""
echo 'another one' >"$tmp/pass"
unfit 1 "key: $tmp/sealed/key: wrong passphrase" <<<"profile = \"$tmp/sealed\"
passphrase_file = \"$tmp/pass\""
touch "$tmp/afile"
unfit 2 "state: $tmp/afile is no directory" <<<"$ok
state = \"$tmp/afile\""
unfit 2 "state: $tmp/none/state cannot be made: No such file or directory; make the directory above it" <<<"$ok
state = \"$tmp/none/state\""
[ ! -e "$tmp/none" ] || fail "checking has made something"
unfit 2 "control: $tmp/none/sock cannot be opened: its directory does not exist; make the directory" <<<"$ok
control = \"$tmp/none/sock\""
unfit 2 "control: $tmp/afile cannot be opened: there is something that is no socket; choose another path" <<<"$ok
control = \"$tmp/afile\""
doubtful 'control: the directory of /run/kith-not-there/control is not there yet' <<<"$ok
control = \"/run/kith-not-there/control\""
for bad in '127.0.0.1:4433' '[::1]:4433'; do
	unfit 3 "advertise: $bad is this host for everybody" <<<"role = supernode
listen = {\"0.0.0.0:4433\"}
advertise = {\"$bad\"}
profile = \"$tmp/s1\""
done
for bad in '224.0.0.1:4433' '169.254.1.1:4433' '[fe80::1]:4433' '[ff02::1]:4433'; do
	unfit 3 "advertise: $bad is multicast or link-local" <<<"role = supernode
listen = {\"0.0.0.0:4433\"}
advertise = {\"$bad\"}
profile = \"$tmp/s1\""
done
for bad in '10.1.2.3:4433' '172.31.0.1:4433' '192.168.1.2:4433' '100.64.0.1:4433' '[fd00::1]:4433'; do
	doubtful "advertise: $bad is a private address" <<<"role = supernode
listen = {\"0.0.0.0:4433\"}
advertise = {\"$bad\"}
profile = \"$tmp/s1\""
done
wrong 5 'relay_identity_rate: 2000000 is more than relay_rate, 1000000' <<<"$super
profile = \"$tmp/s1\"
relay_identity_rate = 2M
relay_rate = 1M"
wrong 5 'relay_identity_rate: 20000000 is more than relay_rate, 12500000' <<<"$super
profile = \"$tmp/s1\"
relay_identity_rate = 20M"
fine <<<"$super
profile = \"$tmp/s1\"
relay_rate = 1M"

# The file itself, and the command line.
for what in /nonexistent/kithd.conf "$tmp"; do
	code=0
	"$kithd" -c "$what" >/dev/null 2>"$tmp/said" || code=$?
	[ "$code" = 2 ] && grep -q "kithd: $what: the configuration file cannot be read" "$tmp/said" || fail "$what: $code, $(cat "$tmp/said")"
	cases=$((cases + 1))
done
code=0
: >"$tmp/empty"
"$kithd" -c "$tmp/empty" >/dev/null 2>"$tmp/said" || code=$?
[ "$code" = 2 ] && grep -q 'expected either profile' "$tmp/said" || fail "an empty file: $code, $(cat "$tmp/said")"
head -c 3000 /dev/urandom >"$tmp/garbage"
code=0
"$kithd" -c "$tmp/garbage" >/dev/null 2>"$tmp/said" || code=$?
[ "$code" = 2 ] && grep -q "^kithd: $tmp/garbage:[0-9]*: " "$tmp/said" || fail "garbage: $code, $(cat "$tmp/said")"
for words in -c --config --nonsense 'one two' '--log-level loud' "-c $tmp/a.conf -c $tmp/b.conf" '--version --check-config' \
	'--check-config --log-level debug'; do
	code=0
	# shellcheck disable=SC2086 # several words
	"$kithd" $words >/dev/null 2>"$tmp/said" || code=$?
	[ "$code" = 2 ] && grep -q '^kithd: ' "$tmp/said" || fail "$words: $code, $(cat "$tmp/said")"
	cases=$((cases + 1))
done
echo "$cases configurations and command lines"
echo "PASS"
