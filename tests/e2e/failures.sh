#!/usr/bin/env bash
# What is wrong with the machine and not with the configuration: kithd says what, where and what helps, and destroys nothing. It ends
# with 1 if trying again may help, with 3 if somebody has to mend it first.
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

# refused CODE WHAT TEXT ADVICE COMMAND...: it does not start, ends with the code, and says so in a "failed" event.
refused() {
	local expected=$1 what=$2 text=$3 help=$4 code=0
	shift 4
	timeout 30 "$@" "$kithd" -c "$tmp/a.conf" >"$tmp/said" 2>&1 </dev/null || code=$?
	[ "$code" = "$expected" ] || fail "exit code $code instead of $expected; it said: $(cat "$tmp/said")"
	grep '"event": "failed"' "$tmp/said" >"$tmp/failed" || fail "no event: $(cat "$tmp/said")"
	[ "$(wc -l <"$tmp/said")" -le 2 ] || fail "said more than once: $(cat "$tmp/said")"
	[ "$(value 'e["what"]' <"$tmp/failed")" = "$what" ] || fail "not of $what: $(cat "$tmp/failed")"
	value 'e["why"]' <"$tmp/failed" | grep -qF -- "$text" || fail "not '$text' in: $(cat "$tmp/failed")"
	value 'e["advice"]' <"$tmp/failed" | grep -qF -- "$help" || fail "not '$help' in: $(cat "$tmp/failed")"
	cases=$((cases + 1))
}

# The key file: missing, damaged, with a wrong passphrase, none at all, of somebody else.
cp -r "$tmp/s1" "$tmp/p"
mv "$tmp/p/key" "$tmp/key"
conf "profile = \"$tmp/p\""
refused 3 key "$tmp/p/key: not found" 'make a profile'
echo garbage >"$tmp/p/key"
refused 3 key "$tmp/p/key" 'restore the key file'
cp "$tmp/alice/key" "$tmp/p/key"
refused 3 key 'the key is of another device' 'from the same profile'
cp "$tmp/key" "$tmp/p/key"
chmod 640 "$tmp/p/key"
refused 3 key 'others may read' 'chmod 600'
chmod 600 "$tmp/p/key"
echo right >"$tmp/pass"
echo wrong >"$tmp/wrong"
"$kith" ca issue "$tmp/ca" sealed --profile "$tmp/sealed" --supernode --passphrase-file "$tmp/pass" >/dev/null
before=$(sums "$tmp/sealed")
conf "profile = \"$tmp/sealed\"" "passphrase_file = \"$tmp/wrong\""
refused 3 key 'wrong passphrase' 'check passphrase_file'
conf "profile = \"$tmp/sealed\"" "passphrase_file = \"$tmp/missing\""
refused 3 key "passphrase_file: $tmp/missing" 'check passphrase_file'
conf "profile = \"$tmp/sealed\""
refused 3 key 'passphrase_file: missing' 'check passphrase_file' setsid
[ "$before" = "$(sums "$tmp/sealed" | grep -v /state/)" ] || fail "a failed start has changed the profile"

# The port in use, the control socket in use.
conf "profile = \"$tmp/s1\"" "control = \"$tmp/s1.sock\""
cp "$tmp/a.conf" "$tmp/s1.conf"
start_kithd s1 -
conf "profile = \"$tmp/p\""
cp "$tmp/key" "$tmp/p/key"
refused 1 socket 'Address already in use' 'another port'
port=$((port + 1)) conf "profile = \"$tmp/p\"" "control = \"$tmp/s1.sock\""
refused 1 control "control: $tmp/s1.sock cannot be opened: another kithd" 'stop the kithd'
conf "profile = \"$tmp/p\"" "control = \"$tmp/nowhere/sock\""
refused 3 control 'its directory does not exist' 'make the directory'
conf "profile = \"$tmp/p\"" "control = \"$tmp/$(printf '%0200d' 0)\""
refused 3 control 'longer than 107' 'shorter path'
# An address of somebody else.
conf "profile = \"$tmp/p\""
sed -i 's/127.0.0.1/192.0.2.77/' "$tmp/a.conf"
refused 1 socket "cannot bind UDP 192.0.2.77" 'does not have'
# A name that is no supernode.
port=$((port + 3)) conf "profile = \"$tmp/alice\""
refused 3 role 'alice is not certified as a supernode' 'role = auto or leaf'
# Another network's certificates.
port=$((port + 3)) conf "profile = \"$tmp/p\"" 'open_network = "playground"'
refused 3 chain 'another network' 'from the same profile'
# No descriptors: at whatever point they run out, and never as a broken disk.
port=$((port + 5)) conf "profile = \"$tmp/p\""
for n in $(seq 8 2 16); do
	code=0
	# As a leaf that is told to end when it runs.
	(ulimit -n "$n"; exec timeout -s TERM 2 "$kithd" -c "$tmp/a.conf") >"$tmp/said" 2>&1 </dev/null || code=$?
	! grep -q '"EIO"' "$tmp/said" || fail "$n descriptors: $(cat "$tmp/said")"
	grep -q '"code": "EMFILE"' "$tmp/said" && told=yes
done
[ "${told:-}" = yes ] || fail "nothing was told of descriptors: $(cat "$tmp/said")"
"$kith" status --socket "$tmp/s1.sock" >/dev/null || fail "the running node was disturbed"
# The state directory in use.
port=$((port + 2)) conf "profile = \"$tmp/s1\""
refused 1 state "$tmp/s1/state" 'another node uses'
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
refused 3 control "control: $tmp/precious cannot be opened: there is something that is no socket" 'another path'
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
	refused 1 state 'no space left on device' 'make room'
	[ "$(ls -A "$tmp/full/state")" = witness ] || fail "a full disk: left behind: $(ls -A "$tmp/full/state")"
	mount -t tmpfs -o size=64k tmpfs "$tmp/ro"
	mkdir "$tmp/ro/state"
	mount -o remount,ro "$tmp/ro"
	conf "profile = \"$tmp/p\"" "state = \"$tmp/ro/state\""
	refused 3 state 'Read-only file system' 'can be written'
	[ "$(cat "$tmp/full/state/witness")" = '{"kept": true}' ] || fail "a full disk has cost a file"
	# As another user, a key that only root may read.
	chmod 755 "$tmp"
	chmod -R go+rX "$tmp/p"
	chmod 600 "$tmp/p/key"
	install -d -o 65534 -g 65534 "$tmp/theirs"
	conf "profile = \"$tmp/p\"" "state = \"$tmp/theirs\""
	chmod 644 "$tmp/a.conf"
	refused 3 key "$tmp/p/key: permission denied" 'own the key file' setpriv --reuid=65534 --regid=65534 --clear-groups
else
	echo "mounts and other users need root: skipped"
fi
echo "$cases failures"
echo "PASS"
