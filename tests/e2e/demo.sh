#!/usr/bin/env bash
# scripts/demo runs through, with namespaces if there may be any and on loopback, and leaves nothing behind: not when it ends, and not when it
# is interrupted.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
export KITH_BUILD_DIR KITH_QUIET=1
demo=$e2e/../../scripts/demo
export TMPDIR=$tmp/scratch
mkdir "$TMPDIR"

nothing_left() {
	[ -z "$(ls "$TMPDIR")" ] || fail "$1: left behind: $(ls "$TMPDIR")"
	[ "$(ip netns list 2>/dev/null | grep -c "^kith$2-" || true)" = 0 ] || fail "$1: namespaces were left behind"
	! pgrep -f -- "$TMPDIR/kith-e2e" >/dev/null || fail "$1: processes were left behind: $(pgrep -af -- "$TMPDIR/kith-e2e")"
}

# runs WORD...: to its end.
runs() {
	"$demo" "$@" >"$tmp/shown" 2>&1 &
	pid_of[demo]=$!
	await_end demo 100
	[ "$exit_code" = 0 ] || fail "demo $*: exit code $exit_code: $(tail -n 5 "$tmp/shown")"
	grep -q 'all arrived' "$tmp/shown" || fail "demo $*: $(tail -n 5 "$tmp/shown")"
	nothing_left "demo $*" "$!"
	echo "demo $*: $(tail -n 1 "$tmp/shown")"
}

runs --no-root
[ "$(id -u)" != 0 ] || [ -n "${KITH_NO_ROOT:-}" ] || runs

# interrupted TEXT [WORD...]: as soon as that is shown.
interrupted() {
	local text=$1 pid
	shift
	: >"$tmp/shown"
	"$demo" "$@" >"$tmp/shown" 2>&1 &
	pid_of[demo]=$!
	until_true 30 grep -q "$text" "$tmp/shown"
	pid=${pid_of[demo]}
	stop demo TERM
	[ "$exit_code" = 143 ] || fail "interrupted at '$text': exit code $exit_code"
	nothing_left "interrupted at '$text'" "$pid"
}

interrupted "A network:"
interrupted "Alice calls"
if [ "$(id -u)" = 0 ] && [ -z "${KITH_NO_ROOT:-}" ]; then # how it ends: overlay.sh, and by hand
	interrupted "three witnesses have signed" --overlay "$tmp/picture.svg"
fi
echo "PASS"
