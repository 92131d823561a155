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
start alice - "$chat" "$tmp/alice" bob "are you there?"
shows alice "you are alice"
start bob - "$chat" "$tmp/bob"
shows alice "bob is online"
shows bob "alice calls"
shows bob "talking with alice"
shows bob "alice: are you there?"
shows alice "talking with bob"
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

# A key file with a passphrase: from a file that the environment names, or asked for on the terminal, where it is not shown.
echo 'correct horse' >"$tmp/pass"
"$kith" ca issue "$tmp/ca" carol --profile "$tmp/carol" --passphrase-file "$tmp/pass" >/dev/null
start carol - env "KITH_PASSPHRASE_FILE=$tmp/pass" "$chat" "$tmp/carol"
shows carol "you are carol"
hang_up carol
await_end carol 10
[ "$exit_code" = 0 ] || fail "carol ended with $exit_code"
echo 'battery staple' >"$tmp/wrong"
mkfifo "$tmp/quiet"
# refuses TEXT COMMAND...: it ends with 1, and says why.
refuses() {
	local text=$1 code=0
	shift
	timeout 20 "$@" >"$tmp/said" 2>&1 <>"$tmp/quiet" || code=$?
	[ "$code" = 1 ] || fail "$*: exit code $code: $(cat "$tmp/said")"
	grep -qF -- "$text" "$tmp/said" || fail "$*: not '$text' in: $(cat "$tmp/said")"
}
refuses 'wrong passphrase' env "KITH_PASSPHRASE_FILE=$tmp/wrong" "$chat" "$tmp/carol"
refuses "$tmp/carol/key: wrong passphrase, or none" setsid -w "$chat" "$tmp/carol"
refuses 'usage: kith-chat DIR [NAME [WORDS]]' "$chat"
refuses 'kith-chat DIR [NAME [WORDS]]' "$chat" a b c d
refuses 'words are up to 200 bytes' "$chat" "$tmp/alice" bob "$(printf '%201s' x)"
refuses 'a name is 1 to 32 of' "$chat" "$tmp/alice" Bob
refuses "$tmp/nowhere" "$chat" "$tmp/nowhere"
refuses "$tmp/pass" "$chat" "$tmp/pass"
cp -r "$tmp/alice" "$tmp/damaged"
: >"$tmp/damaged/key"
refuses "$tmp/damaged/key: malformed data" "$chat" "$tmp/damaged"
refuses 'standard input: expected a terminal or a pipe' bash -c '"$0" "$1" </dev/null' "$chat" "$tmp/alice"
refuses 'standard input: expected a terminal or a pipe' bash -c '"$0" "$1" <"$1/chain"' "$chat" "$tmp/alice"
python3 - "$chat" "$tmp/carol" <<'END' || fail "the terminal"
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown = b""
def until(text):
    global shown
    while text not in shown:
        shown += os.read(fd, 4096)
until(b"/key: ")
os.write(fd, b"correct horse\n")
until(b"you are carol")
assert b"horse" not in shown, shown
os.write(fd, b"\4")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
echo "PASS"
