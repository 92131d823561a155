# shellcheck shell=bash
# Sourced by the end-to-end tests and by scripts/demo: the built programs, a directory of one's own, processes that are ended again,
# events that are waited for. No test sleeps for something to have happened: it waits for the event, with a limit.
#
#     $tmp                            the directory; removed at the end, unless KITH_KEEP is set
#     run_in NS COMMAND...            runs it in a network namespace; NS - : here
#     start NAME NS COMMAND...        in the background: standard output and error into $tmp/NAME.out and .log, input from say
#     say NAME WORDS...               a line to its standard input
#     stop NAME [SIGNAL]              ends it and waits; its exit code is in $exit_code
#     crash NAME                      ends it at once
#     mark NAME                       how many lines its output has; wait_for begins there
#     wait_for NAME MARK SECONDS EXPR a JSON line of $tmp/NAME.out for which the Python expression over e holds; prints it
#     value EXPR                      of a JSON text on standard input
#     status NAME EXPR                of what kith status says of the kithd NAME
#     is NAME EXPR VALUE              whether that is so
#     no_event NAME MARK EXPR         holds if there is no such line up to now
#     most NAME MARK EXPR             the highest value of EXPR in the lines since then
#     fail TEXT                       ends the test

set -euo pipefail
umask 077 # keys and passphrases that others can read are refused

e2e=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${KITH_BUILD_DIR:=$e2e/../../build/release}"
export kithd=$KITH_BUILD_DIR/node/kithd kith=$KITH_BUILD_DIR/node/kith
export peer=$KITH_BUILD_DIR/tests/e2e/kith-peer chat=$KITH_BUILD_DIR/examples/kith-chat
tmp=$(mktemp -d "${TMPDIR:-/tmp}/kith-e2e.XXXXXX")
declare -A pid_of=() input_of=()
export exit_code=0
cleaners=()

on_exit() {
	local code=$? name
	trap - EXIT INT TERM HUP
	trap '' PIPE # whoever read what this says may be gone: everything is ended all the same
	set +e
	if [ "$code" != 0 ] && [ -z "${KITH_QUIET:-}" ]; then
		for name in "${!pid_of[@]}"; do
			echo "--- the end of $name:" >&2
			tail -n 15 "$tmp/$name.out" "$tmp/$name.log" >&2
		done
	fi
	# Only what this script started, by its number; first friendly, then not.
	for name in "${!pid_of[@]}"; do kill -TERM "${pid_of[$name]}" 2>/dev/null; done
	for name in "${!pid_of[@]}"; do
		for _ in $(seq 40); do kill -0 "${pid_of[$name]}" 2>/dev/null || break; sleep 0.05; done
		kill -KILL "${pid_of[$name]}" 2>/dev/null
		wait "${pid_of[$name]}" 2>/dev/null
	done
	for name in "${cleaners[@]}"; do "$name"; done
	[ -n "${KITH_KEEP:-}" ] && echo "kept: $tmp" >&2 || rm -rf "$tmp"
	exit "$code"
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

run_in() {
	local ns=$1
	shift
	if [ "$ns" = - ]; then "$@"; else ip netns exec "$ns" "$@"; fi
}

start() {
	local name=$1 ns=$2 fd
	shift 2
	rm -f "$tmp/$name.in"
	mkfifo "$tmp/$name.in"
	: >"$tmp/$name.out"
	: >"$tmp/$name.log"
	exec {fd}<>"$tmp/$name.in"
	input_of[$name]=$fd
	# exec, so that the number is the program's own; the pipes of the others are not inherited. A reader of its own for the
	# input, so that the end of it can be told.
	(
		local other
		for other in "${input_of[@]}"; do [ "$other" = "$fd" ] || exec {other}>&-; done
		if [ "$ns" = - ]; then exec "$@"; else exec ip netns exec "$ns" "$@"; fi
	) <"$tmp/$name.in" >>"$tmp/$name.out" 2>>"$tmp/$name.log" {fd}>&- &
	pid_of[$name]=$!
}

say() {
	local name=$1
	shift
	printf '%s\n' "$*" >&"${input_of[$name]}"
}

# The end of its input, as Ctrl-D does.
hang_up() {
	local fd=${input_of[$1]}
	exec {fd}>&-
	unset "input_of[$1]"
}

# Waits until it ends by itself.
await_end() {
	local name=$1 seconds=$2 _
	for _ in $(seq $((seconds * 20))); do
		kill -0 "${pid_of[$name]}" 2>/dev/null || break
		sleep 0.05
	done
	kill -0 "${pid_of[$name]}" 2>/dev/null && fail "$name still runs after $seconds s"
	exit_code=0
	wait "${pid_of[$name]}" || exit_code=$?
	unset "pid_of[$name]"
}

stop() {
	local name=$1 signal=${2:-TERM}
	kill "-$signal" "${pid_of[$name]}"
	await_end "$name" 15
}

# Ends it as a crash does.
crash() {
	kill -KILL "${pid_of[$1]}"
	{ wait "${pid_of[$1]}" || true; } 2>/dev/null
	unset "pid_of[$1]"
}

mark() {
	wc -l <"$tmp/$1.out"
}

wait_for() {
	python3 "$e2e/lib_events.py" wait "$tmp/$1.out" "$2" "$3" "$4" || fail "$1: no event within $3 s for which: $4"
}

no_event() {
	! python3 "$e2e/lib_events.py" wait "$tmp/$1.out" "$2" 0 "$3" >/dev/null || fail "$1: an event for which: $3"
}

most() {
	python3 "$e2e/lib_events.py" most "$tmp/$1.out" "$2" "$3"
}

value() {
	python3 "$e2e/lib_events.py" value "$1"
}

# Repeats a command until it succeeds.
until_true() {
	local seconds=$1 _
	shift
	for _ in $(seq $((seconds * 10))); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	fail "not within $seconds s: $*"
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# ---- a network: its authority, supernodes and accounts. Key files without passphrases: this is about everything else ----

# make_profiles BOOTSTRAP -- SUPERNODE... -- ACCOUNT...
make_profiles() {
	local -a bootstrap=()
	local kind=
	"$kith" ca init "$tmp/ca" --network test --no-passphrase >/dev/null
	for word in "$@"; do
		case $kind$word in
		--) kind=s ;;
		s--) kind=a ;;
		s*) "$kith" ca issue "$tmp/ca" "$word" --profile "$tmp/$word" --supernode --no-passphrase "${bootstrap[@]}" >/dev/null ;;
		a*) "$kith" ca issue "$tmp/ca" "$word" --profile "$tmp/$word" --no-passphrase "${bootstrap[@]}" >/dev/null ;;
		*) bootstrap+=(--bootstrap "$word") ;;
		esac
	done
}

# supernode_conf NAME ADDRESS:PORT [LINE...]
supernode_conf() {
	local name=$1 addr=$2
	shift 2
	{
		printf 'role = supernode\nprofile = "%s"\nlisten = {"%s"}\ncontrol = "%s"\n' "$tmp/$name" "$addr" "$tmp/$name.sock"
		printf 'log_format = json\nlog_clear = yes\nstun = yes\n'
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$tmp/$name.conf"
}

# start_kithd NAME NS: returns when it runs. Its log is JSON, on standard error; it goes to the output, where wait_for looks.
start_kithd() {
	start "$1" "$2" bash -c 'exec "$@" 2>&1' - "$kithd" -c "$tmp/$1.conf"
	wait_for "$1" 0 10 'e["event"] == "started"' >/dev/null
}

# Every supernode knows all the others.
await_members() {
	local name
	for name in "$@"; do
		until_true 15 knows_members "$name" $#
	done
}

knows_members() {
	[ "$(status "$1" 'e["tables"]["supernodes"]')" -ge "$2" ]
}

status() {
	"$kith" status --json --socket "$tmp/$1.sock" | value "$2"
}

is() {
	[ "$(status "$1" "$2")" = "$3" ]
}

# start_peer NAME NS [OPTION...]: returns when others can find it.
start_peer() {
	local name=$1 ns=$2
	shift 2
	start "$name" "$ns" "$peer" --profile "$tmp/$name" "$@"
	wait_for "$name" 0 15 'e["event"] == "published"' >/dev/null
}

# ---- what peers tell of their data ----

# The statistics of a peer, as one JSON line. Asking clears its silences; silence_since finds them again.
stats_of() {
	local from
	from=$(mark "$1")
	say "$1" stats
	wait_for "$1" "$from" 5 'e["event"] == "stats"'
}

received() {
	stats_of "$1" | value 'e["records"]["received"]'
}

has_received() {
	[ "$(received "$1")" -ge "$2" ]
}

# call_both_ways CALLER CALLEE: the one calls the other, and data goes both ways.
call_both_ways() {
	say "$1" call "$2"
	wait_for "$1" 0 5 "e[\"event\"] == \"connected\" and e[\"name\"] == \"$2\"" >/dev/null
	say "$1" flow 20
	say "$2" flow 20
	until_true 10 has_received "$2" 50
	until_true 10 has_received "$1" 50
}

# The longest time without a record that a peer saw since the mark, in ms.
silence_since() {
	stats_of "$1" >/dev/null
	most "$1" "$2" 'e["records"]["silence_ms"]'
}

# all_arrived FROM TO: FROM stops; TO gets all it sent, in order. Prints how many.
all_arrived() {
	local sent
	say "$1" flow 0
	sent=$(stats_of "$1" | value 'e["sent"]')
	until_true 20 has_received "$2" "$sent"
	[ "$(stats_of "$2" | value 'e["records"]["out_of_order"]')" = 0 ] || fail "records from $1 to $2 were lost or mixed up"
	echo "$sent"
}

# ends CODE TEXT COMMAND...: exit code, and a text in what it says; out and err in the current directory have all of it.
ends() {
	local want=$1 text=$2 code=0
	shift 2
	timeout 60 "$@" >out 2>err </dev/null || code=$?
	[ "$code" = "$want" ] || fail "$*: exit code $code instead of $want: $(cat out err)"
	[ -z "$text" ] || grep -qF -- "$text" out err || fail "$*: not '$text' in: $(cat out err)"
}

# sums DIR: of its files, to see that nothing has changed.
sums() {
	find "$1" -type f ! -name lock -exec sha256sum {} + | sort
}
