#!/usr/bin/env bash
# What is wrong with the machine and not with the configuration: kithd says what and where, ends with 1, and destroys nothing.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
export KITH_QUIET=1
port=$((20000 + $$ % 20000))
make_profiles 127.0.0.1:1 -- s1 -- alice
cases=0

conf() {
	printf 'role = supernode\nlisten = {"127.0.0.1:%s"}\nallow_loopback = yes\nlog_format = json\n' "$port" >"$tmp/a.conf"
	printf '%s\n' "$@" >>"$tmp/a.conf"
}

# refused TEXT: it does not start, and says so in a "failed" event.
refused() {
	local text=$1 code=0
	shift
	timeout 30 "$@" "$kithd" -c "$tmp/a.conf" >"$tmp/said" 2>&1 </dev/null || code=$?
	[ "$code" = 1 ] || fail "exit code $code instead of 1; it said: $(cat "$tmp/said")"
	grep '"event": "failed"' "$tmp/said" | grep -qF -- "$text" || fail "not '$text' in: $(cat "$tmp/said")"
	cases=$((cases + 1))
}

# The key file: missing, damaged, with a wrong passphrase, none at all, of somebody else.
cp -r "$tmp/s1" "$tmp/p"
mv "$tmp/p/key" "$tmp/key"
conf "profile = \"$tmp/p\""
refused "$tmp/p/key"
echo garbage >"$tmp/p/key"
refused "$tmp/p/key"
cp "$tmp/alice/key" "$tmp/p/key"
refused '"failed"'
echo right >"$tmp/pass"
echo wrong >"$tmp/wrong"
"$kith" ca issue "$tmp/ca" sealed --profile "$tmp/sealed" --supernode --passphrase-file "$tmp/pass" >/dev/null
before=$(sums "$tmp/sealed")
conf "profile = \"$tmp/sealed\"" "passphrase_file = \"$tmp/wrong\""
refused 'wrong passphrase'
conf "profile = \"$tmp/sealed\"" "passphrase_file = \"$tmp/missing\""
refused "passphrase_file: $tmp/missing"
conf "profile = \"$tmp/sealed\""
refused 'passphrase_file: missing' setsid
[ "$before" = "$(sums "$tmp/sealed" | grep -v /state/)" ] || fail "a failed start has changed the profile"

# The port in use, the control socket in use.
conf "profile = \"$tmp/s1\"" "control = \"$tmp/s1.sock\""
cp "$tmp/a.conf" "$tmp/s1.conf"
start_kithd s1 -
conf "profile = \"$tmp/p\""
cp "$tmp/key" "$tmp/p/key"
refused 'Address already in use'
port=$((port + 1)) conf "profile = \"$tmp/p\"" "control = \"$tmp/s1.sock\""
refused "control: $tmp/s1.sock"
conf "profile = \"$tmp/p\"" "control = \"$tmp/nowhere/sock\""
refused "its directory does not exist"
"$kith" status --socket "$tmp/s1.sock" >/dev/null || fail "the running node was disturbed"
# The state directory in use.
port=$((port + 2)) conf "profile = \"$tmp/s1\""
refused "$tmp/s1/state"
stop s1
[ "$exit_code" = 0 ] || fail "kithd ended with $exit_code on SIGTERM"
[ ! -e "$tmp/s1.sock" ] || fail "the control socket was left behind"

# A socket file that a crash left behind is replaced; something else in its place is not.
start_kithd s1 -
crash s1
[ -S "$tmp/s1.sock" ] || fail "no socket was left behind"
start_kithd s1 -
stop s1
echo precious >"$tmp/precious"
conf "profile = \"$tmp/p\"" "control = \"$tmp/precious\""
refused "control: $tmp/precious"
[ "$(cat "$tmp/precious")" = precious ] || fail "a file was taken for a socket"

# What the file system refuses. Root may do anything to files, so this needs mounts, or another user.
if [ "$(id -u)" = 0 ] && [ -z "${KITH_NO_ROOT:-}" ]; then
	mkdir "$tmp/full" "$tmp/ro"
	unmount() { umount "$tmp/full" "$tmp/ro" 2>/dev/null || true; }
	cleaners+=(unmount)
	mount -t tmpfs -o size=64k tmpfs "$tmp/full"
	mkdir "$tmp/full/state"
	echo '{"kept": true}' >"$tmp/full/state/witness"
	dd if=/dev/zero of="$tmp/full/filler" bs=1k 2>/dev/null || true
	conf "profile = \"$tmp/p\"" "state = \"$tmp/full/state\""
	refused 'no space left on device'
	mount -t tmpfs -o size=64k tmpfs "$tmp/ro"
	mkdir "$tmp/ro/state"
	mount -o remount,ro "$tmp/ro"
	conf "profile = \"$tmp/p\"" "state = \"$tmp/ro/state\""
	refused 'Read-only file system'
	[ "$(cat "$tmp/full/state/witness")" = '{"kept": true}' ] || fail "a full disk has cost a file"
	# As another user, a key that only root may read.
	chmod 755 "$tmp"
	chmod -R go+rX "$tmp/p"
	chmod 600 "$tmp/p/key"
	install -d -o 65534 -g 65534 "$tmp/theirs"
	conf "profile = \"$tmp/p\"" "state = \"$tmp/theirs\""
	chmod 644 "$tmp/a.conf"
	refused "$tmp/p/key: permission denied" setpriv --reuid=65534 --regid=65534 --clear-groups
else
	echo "mounts and other users need root: skipped"
fi
echo "$cases failures"
echo "PASS"
