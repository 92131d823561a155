#!/usr/bin/env bash
# The example: two chats find each other by name, lines go both ways, and the end of one is the end of the conversation.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
export KITH_LOOPBACK=1
port=$((20000 + $$ % 20000))
make_profiles "127.0.0.1:$port" -- s1 -- alice bob
supernode_conf s1 "127.0.0.1:$port" 'allow_loopback = yes'
start_kithd s1 -

# shows NAME TEXT
shows() {
	until_true 15 grep -qF -- "$2" "$tmp/$1.out"
}

# The one who calls first: bob comes later, and alice is told.
start alice - "$chat" "$tmp/alice" bob
shows alice "you are alice"
start bob - "$chat" "$tmp/bob"
shows alice "bob is online"
shows bob "alice calls"
shows bob "talking with alice on main"
shows alice "talking with bob on main"
shows alice "now direct to"
say alice "hello bob"
shows bob "alice: hello bob"
say bob "hello alice"
shows alice "bob: hello alice"
say alice $'a terminal \e[2J must not obey'
shows bob "alice: a terminal ?[2J must not obey"
say alice "the last word"
hang_up alice
await_end alice 10
[ "$exit_code" = 0 ] || fail "alice ended with $exit_code"
shows bob "alice: the last word"
shows bob "is over"
hang_up bob
await_end bob 10
[ "$exit_code" = 0 ] || fail "bob ended with $exit_code"
echo "PASS"
