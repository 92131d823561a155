#!/usr/bin/env bash
# kith net: a network on this machine with one command; what it finds there already; how it ends.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
export KITH_QUIET=1
cd "$tmp"

start net - bash -c 'exec "$@" 2>&1' - "$kith" net 'the net'
until_true 10 grep -q ' started ' net.out
grep -q '^the net: a new network. Profiles that know its supernode: the net/alice, the net/bob' net.out || fail "$(cat net.out)"
[ "$(stat -c %a 'the net')" = 700 ] || fail "others can read the keys"

# The profiles know all there is to know: no option is needed, no passphrase asked for.
ends 0 's1: 1 device' "$kith" lookup s1 --profile 'the net/alice'
ends 0 '3 sent, 3 came back' "$kith" ping s1 --profile 'the net/bob' --count 3 --interval 20
ends 0 'name: s1' "$kith" -s 'the net/control' status
ends 0 'serial' "$kith" ca issue 'the net/ca' carol --profile carol --no-passphrase --allow-loopback \
	-b "$(sed -n 2p 'the net/bob/bootstrap')"
ends 0 's1: 1 device' "$kith" lookup s1 --profile carol
files() { sums 'the net' | grep -v /state/; }
before=$(files)
ends 1 'another kithd listens' "$kith" net 'the net'

# Ctrl-C; and again, with what is there.
stop net INT
[ "$exit_code" = 0 ] || fail "Ctrl-C ended it with $exit_code"
start net - bash -c 'exec "$@" 2>&1' - "$kith" net 'the net'
until_true 10 grep -q ' started ' net.out
grep -q '^the net: the network that is there' net.out || fail "$(cat net.out)"
ends 0 's1: 1 device' "$kith" lookup s1 --profile 'the net/alice'
stop net TERM
[ "$exit_code" = 0 ] || fail "SIGTERM ended it with $exit_code"
[ "$before" = "$(files)" ] || fail "a second start has changed files"

# What is there already, and is not its own.
mkdir full empty
echo mine >full/diary
ends 1 'full holds diary, and no network that kith net has finished' "$kith" net full
[ "$(cat full/diary)" = mine ] && [ "$(find full | wc -l)" = 2 ] || fail "it has touched what it refused"
ends 1 'Not a directory' "$kith" net full/diary
ends 1 'none/net cannot be made: there is no such file' "$kith" net none/net
ends 2 'expected: kith net DIR' "$kith" net
ends 2 'expected: kith net DIR' "$kith" net one two
ends 2 'has no effect here' "$kith" net one --days 3
[ ! -e one ] || fail "a refused command has made a directory"
rm 'the net/kithd.conf'
ends 1 'kithd.conf is missing' "$kith" net 'the net'
start empty - bash -c 'exec "$@" 2>&1' - "$kith" net empty
until_true 10 grep -q ' started ' empty.out
stop empty INT
echo "PASS"
