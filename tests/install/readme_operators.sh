#!/usr/bin/env bash
# README.md, "For operators": its commands, run as they stand there on a host without a kith, make a supernode and somebody who pings it.
# What is for nginx and its supernode is tried by tests/e2e/web.sh.
# systemd is not booted for it: systemctl.sh says what of the unit is applied without.
# Usage: readme_operators.sh <build directory>
# shellcheck source=tests/install/lib_root.sh
. "$(dirname "$0")/lib_root.sh"
host_of "$1"
take "For operators"
[ "$(cd "$blocks" && echo [0-9]*)" = "1.sh 2.sh 3.sh 4.sh 5.sh 6.nginx 7.conf" ] || fail "other blocks than this test knows: $(ls "$blocks")"
cd "$source_dir"
if id kith >/dev/null 2>&1; then userdel kith; fi
rm -rf /etc/kith /var/lib/kith ca me
(umask 077 && echo 'correct horse battery staple' >/tmp/passphrase)
export KITH_PASSPHRASE_FILE=/tmp/passphrase # it would be asked for on the terminal

for number in 1 2 3; do
	bash -e "$blocks/$number.sh" >"$blocks/log" 2>&1 || fail "$(cat "$blocks/$number.sh"): $(tail -n 20 "$blocks/log")"
done
for _ in $(seq 200); do [ ! -S /run/kith/control ] || break; sleep 0.05; done # "a moment later"
bash -e "$blocks/4.sh" >"$blocks/log" 2>&1 || fail "kith status: $(cat "$blocks/log" /tmp/journal)"
for text in 'name: s1' 'state: running supernode'; do grep -q "^$text" "$blocks/log" || fail "not $text: $(cat "$blocks/log")"; done
pid=$(cat /tmp/kithd.pid)
[ "$(stat -c %U "/proc/$pid")" = kith ] || fail "kithd runs as $(stat -c %U "/proc/$pid")"
grep -q '^overlay / overlay ro' "/proc/$pid/mounts" || fail "kithd could write to the file system"
[ "$(stat -c '%U %a' /var/lib/kith/profile/key)" = 'kith 600' ] || fail "the supernode's key: $(stat -c '%U %a' /var/lib/kith/profile/key)"
bash -e "$blocks/5.sh" >"$blocks/log" 2>&1 || fail "$(cat "$blocks/5.sh"): $(cat "$blocks/log" /tmp/journal)"
grep -q '5 sent, 5 came back' "$blocks/log" || fail "the ping: $(cat "$blocks/log")"
kith --socket /run/kith/control lookup s1 | grep -q online || fail "s1 is not in its own directory"
kill -TERM "$pid"
for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
grep -q 'stopped' /tmp/journal || fail "kithd did not stop in order: $(cat /tmp/journal)"
echo "PASS"
