#!/usr/bin/env bash
# The examples, as their first lines say: two users of a network that kith net made, on the loopback interface.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
examples=$KITH_BUILD_DIR/examples
cd "$tmp"

# shows NAME SECONDS TEXT: a line of its output, from now or before.
shows() { until_true "$2" grep -qF -- "$3" "$1.out"; }

# user NAME PROGRAM [ARGUMENT...]: with the profile of that name.
user() {
	local name=$1 program=$2
	shift 2
	start "$name" - "$examples/kith-$program" "net/$name" "$@"
}

leave() {
	for name in "$@"; do
		stop "$name" INT
		[ "$exit_code" = 0 ] || fail "$name ended with $exit_code after Ctrl-C"
	done
}

start net - bash -c 'exec "$@" 2>&1' - "$kith" net net
shows net 10 ' started '

# poll: a loop that is not libuv's; what is typed goes to hello.
user bob hello
user alice poll bob
shows alice 15 'bob: connected'
say alice hello
shows alice 5 'bob says: hello yourself'
shows bob 5 'alice says: hello'
hang_up alice # the end of its input
await_end alice 10
[ "$exit_code" = 0 ] || fail "poll ended with $exit_code"
shows bob 5 'the session is over: '
leave bob

# loop: a web server tells of the node.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
ask() {
	python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' \
		"http://127.0.0.1:$port/$1" >answer
}
tells() { ask status && value "$1" <answer | grep -qx true; }
user bob loop "$port"
user alice hello bob
until_true 15 tells 'e["name"] == "bob" and e["running"] and [s["name"] for s in e["sessions"]] == ["alice"]'
! ask nothing 2>/dev/null || fail "there is nothing at /nothing"
leave alice
until_true 5 tells 'e["homes"] == 1 and e["sessions"] == []'
leave bob

# voice-echo: what came back is told each second.
user bob voice-echo
user alice voice-echo bob
shows alice 15 'bob: now direct, to '
until_true 10 grep -qE '^(4[0-9]|5[0-9]) sent, [1-9][0-9]* back, 0 lost, 0 out of order, round trip [0-9.]+ ms .*, jitter ' alice.out
leave alice bob
shows bob 5 'the call is over'

# send: a file, and an empty one; what is there stays as it is.
mkdir inbox
head -c 3000000 /dev/urandom >'a file'
: >empty
user bob send -r inbox alice
user alice send bob 'a file' empty
await_end alice 20
[ "$exit_code" = 0 ] || fail "send ended with $exit_code: $(cat alice.out)"
shows bob 5 'a file: done'
cmp 'a file' 'inbox/a file' && cmp empty inbox/empty || fail "what came is not what was sent"
cp empty 'other' && mkdir d && cp 'a file' d/empty
user alice send bob d/empty
await_end alice 20
[ "$exit_code" = 1 ] && [ ! -s inbox/empty ] || fail "a file took the place of another"
shows alice 1 'empty: File exists'

# It goes on after what is there already; but only if it is of the same file.
head -c 1234567 'a file' >inbox/half.part
head -c 1000000 /dev/urandom >inbox/wrong.part
cp 'a file' half
cp 'a file' wrong
user alice send bob half wrong
await_end alice 20
[ "$exit_code" = 0 ] || fail "send ended with $exit_code: $(cat alice.out)"
shows bob 1 'half: goes on after 1234567 bytes'
! grep -q 'wrong: goes on' bob.out || fail "it went on from the bytes of another file"
cmp half inbox/half && cmp wrong inbox/wrong || fail "what came is not what was sent"

# Names that would leave the inbox, or hide in it.
for name in .profile x.part; do
	cp empty "$name"
	user alice send bob "$name"
	await_end alice 20
	[ "$exit_code" = 1 ] || fail "$name was taken"
	shows alice 1 'such a name is not taken'
done
[ -z "$(find . -name '*.part' -path './inbox/*')" ] || fail "parts are left"

# A cut is no end. The file is large, and takes no room here.
truncate -s 2G large
user alice send bob large
until_true 15 test -s inbox/large.part
stop alice INT
[ "$exit_code" = 1 ] || fail "send was interrupted, and ended with $exit_code"
shows bob 10 'large: the session was cut before the other side had finished; what has come is kept'
[ ! -e inbox/large ] || fail "a file that was cut has a name"
truncate -s "$(($(stat -c %s inbox/large.part) + 1000000))" large
user alice send bob large
await_end alice 60
[ "$exit_code" = 0 ] || fail "send ended with $exit_code: $(cat alice.out)"
shows bob 1 'large: goes on after '
cmp large inbox/large || fail "what came is not what was sent"
leave bob
echo "PASS"
