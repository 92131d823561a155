#!/usr/bin/env bash
# kith ca renew: another issuer under the same root. Names of the former one stay good until it is revoked; who signs which list; what it
# refuses; that a renewal which is cut off anywhere leaves one issuer whole. And that kithd warns before certificates end.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
cd "$tmp"
port=$((20000 + $$ % 20000))
faults=$KITH_BUILD_DIR/tests/e2e/kith-faults.so
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"

show() {
	"$kith" ca show ca --json | value "$1"
}

issue() {
	"$kith" ca issue ca "$1" --profile "$1" --no-passphrase --bootstrap "127.0.0.1:$port" "${@:2}" >/dev/null
}

# reissue NAME DAYS [OPTION...]: the same key and name, by the present issuer; the device for so many days.
reissue() {
	"$kith" ca invite ca "$1" --out invitation "${@:3}"
	"$kith" id request "$1" invitation --out request
	"$kith" ca issue ca --request request --out grant
	"$kith" id accept "$1" grant --days "$2" >/dev/null
}

later=(env LD_PRELOAD="$faults" KITH_CLOCK_DAYS=21)
too_late=(env LD_PRELOAD="$faults" KITH_CLOCK_DAYS=41)

# ---- passphrases, and what is refused ----

printf 'correct horse\n' >pass
printf 'battery staple\n' >wrong
ends 2 'expected: kith ca renew DIR' "$kith" ca renew
ends 1 'make a network first: kith ca init' "$kith" ca renew nowhere
"$kith" ca init ca --network n --passphrase-file pass --constraint .example >/dev/null
"$kith" ca invite ca zoe.example --out invitation
before=$(sums ca)
ends 1 'wrong passphrase' "$kith" ca renew ca --passphrase-file wrong
ends 2 '--constraint: found "example"; expected a dot' env KITH_PASSPHRASE_FILE=pass "$kith" ca renew ca --no-passphrase --constraint example
mv ca/root.key safe
ends 1 'bring its key back there' "$kith" ca renew ca --passphrase-file pass
ends 1 'never overwritten' "$kith" ca init ca --network n --no-passphrase
"$kith" ca init other --network n --no-passphrase >/dev/null
cp other/root.key ca/root.key
ends 1 'is the root key of another network' "$kith" ca renew ca --passphrase-file pass
mv safe ca/root.key
mv ca/issuer.key safe
cp other/issuer.key ca/issuer.key
ends 1 'is not the key of issuer.cert' "$kith" ca renew ca --keep-key --passphrase-file pass
mv safe ca/issuer.key
[ "$before" = "$(sums ca)" ] || fail "a refused renewal has changed the authority"
first=$(show 'e["issuer"]')
ends 0 '"zoe.example"' env KITH_PASSPHRASE_FILE=pass "$kith" ca renew ca --json
[ "$(value '[e["serial"], e["constraint"], e["former"]["issuer"], e["kept_key"], e["invitations_void"]]' <out)" = \
	"[2, \".example\", \"$first\", false, [\"zoe.example\"]]" ] || fail "$(cat out)"
[ "$(stat -c %a ca/issuer.key ca/issuer-1.key | tr '\n' ' ')" = '600 600 ' ] || fail "modes: $(stat -c '%a %n' ca/*)"
ends 1 'wrong passphrase' "$kith" ca issue ca a.example --profile a --passphrase-file wrong
"$kith" id new zoe --no-passphrase >/dev/null
"$kith" id request zoe invitation --out request
"$kith" ca invite ca yan.example --out yan
ends 1 'an invitation of another issuer' "$kith" ca issue ca --request request --passphrase-file pass
rm -rf ca other

# ---- a renewal that is cut off ----

"$kith" ca init ca --network n --no-passphrase --days 40 >/dev/null
issue frank
issue alice
ends 0 "the issuer's certificate ends on" "${later[@]}" "$kith" ca issue ca s1 --profile s1 --supernode --no-passphrase
first=$(show 'e["issuer"]')
mv ca whole
before=$(cd whole && sums .)
for how in kill error; do
	for at in {1..9}; do
		rm -rf ca cut
		cp -r whole ca
		# Left by a process of whatever number that was cut off before.
		: >ca/ledger.1.tmp
		: >ca/issuer-2.key
		code=0
		env LD_PRELOAD="$faults" KITH_FAULT=$how KITH_FAULT_AT=$at "$kith" ca renew ca --no-passphrase >out 2>err || code=$?
		[ "$code" != 0 ] || break
		[ "$how" = kill ] || [ "$code" = 1 ] || fail "renaming $at fails: exit code $code: $(cat out err)"
		[ "$how" = kill ] || grep -q ': Input/output error\|input/output' err || fail "renaming $at fails: $(cat err)"
		now=$(show 'e["issuer"]')
		if [ "$now" = "$first" ]; then
			rm ca/ledger.1.tmp
			[ "$how" = kill ] || [ "$before" = "$(cd ca && sums .)" ] || fail "renaming $at fails: $(sums ca)"
			old_left=$at
		else
			new_left=$at
		fi
		# The key belongs to the certificate: it could not be issued otherwise.
		"$kith" ca issue ca grace --profile cut --no-passphrase >/dev/null 2>&1 || fail "cut off at renaming $at ($how): no issuer"
		"$kith" ca renew ca --no-passphrase >/dev/null || fail "cut off at renaming $at ($how): no renewal"
	done
	[ "$code" = 0 ] || fail "a renewal that never succeeds"
	[ "${old_left:-9}" -lt "${new_left:-0}" ] || fail "not both issuers were met: ${old_left:-none}, ${new_left:-none}"
	echo "$how: the old issuer up to renaming $old_left, then the new one"
done
rm -rf ca cut

if [ "$(id -u)" = 0 ] && [ -z "${KITH_NO_ROOT:-}" ]; then
	mkdir full
	unmount() { umount "$tmp/full" 2>/dev/null || true; }
	cleaners+=(unmount)
	mount -t tmpfs -o size=128k tmpfs full
	cp -r whole full/ca
	dd if=/dev/zero of=full/filler bs=1k 2>/dev/null || true
	ends 1 'no space left' "$kith" ca renew full/ca --no-passphrase
	mount -o remount,ro full
	ends 1 'Read-only file system' "$kith" ca renew full/ca --no-passphrase
	[ "$before" = "$(cd full/ca && sums .)" ] || fail "a full disk has changed the authority: $(sums full/ca)"
	umount full
fi

# ---- expired ----

cp -r whole ca
ends 1 "this issuer's certificate expired on" "${too_late[@]}" "$kith" ca issue ca grace --profile grace --no-passphrase
ends 1 'new one: kith ca renew' "${too_late[@]}" "$kith" ca invite ca grace
ends 0 'these names are void since' "${too_late[@]}" "$kith" ca renew ca --keep-key
[ "$(grep -c '^  ' out)" = 3 ] || fail "not three names: $(cat out)"
cp -r alice copy
"$kith" id renew copy --issuer ca/issuer.cert >/dev/null
[ "$("$kith" id show copy --json | value 'e[0]["serial"]')" = 2 ] || fail "its chain: $("$kith" id show copy)"
"$kith" ca init x --network x --no-passphrase >/dev/null
ends 1 'is of another key than the one that certified this name' "$kith" id renew copy --issuer x/issuer.cert
ends 1 'is older than the certificate in the profile' "$kith" id renew copy --issuer ca/issuer-1.cert
rm -rf ca
cp -r whole ca
ends 0 'these names are void, since their issuer is revoked or has expired' "${too_late[@]}" "$kith" ca renew ca --no-passphrase
[ "$(grep '^  ' out | tr -d ' \n')" = frankalices1 ] || fail "not three names: $(cat out)"
rm -rf ca

# ---- names of the former issuer and of the present one ----

mv whole ca
issue erin
ends 0 'these names are good until they expire' "$kith" ca renew ca --no-passphrase
second=$(show 'e["issuer"]')
[ "$first" != "$second" ] || fail "the same key"
issue bob
reissue s1 10 --supernode
[ "$("$kith" id show s1 --json | value 'e[0]["issuer key"]')" = "$second" ] || fail "s1 has the former issuer"

# Each issuer signs the list of what it gave; one counter numbers them all.
ends 0 'list number 1' "$kith" ca revoke ca frank
issue carol
ends 0 'list number 2' "$kith" ca revoke ca carol
ends 0 'list number 3' "$kith" ca revoke ca erin
"$kith" id show ca/revocations --json >lists
[ "$(value '[[[l["number"], l["serials"]] for l in e if l["type"] == "revocation list"], [c["issuer key"] for c in e if c["type"] == "issuer certificate"]]' <lists)" = \
	"[[[\"3\", \"1-1\"], [\"2\", \"7-7\"]], [\"$first\", \"$second\"]]" ] || fail "$(cat lists)"

supernode_conf s1 "127.0.0.1:$port" 'allow_loopback = yes' "revocations = {\"$tmp/ca/revocations\"}"
start_kithd s1 -
wait_for s1 0 5 'e["event"] == "certificate-expiring" and e["first"] == "device" and e["days"] in (9, 10) and "id renew" in e["advice"]' >/dev/null
[ "$("$kith" status --json --socket s1.sock | value '[e["certificates"]["first"], e["certificates"]["soon"]]')" = '["device", true]' ] || fail "status"
"$kith" status --socket s1.sock | grep -q "^certificates: good until .*, the device's ends first; SOON: certify" || fail "$("$kith" status --socket s1.sock)"
"$kith" id show s1 | grep -q '^ends first: device, ' || fail "id show"
no_event s1 0 'e["event"] == "trouble"'

# Certified anew by somebody else while it runs: it takes that when it is told to read its configuration again.
from=$(mark s1)
"$kith" id renew s1 --days 300 >/dev/null
kill -HUP "${pid_of[s1]}"
wait_for s1 "$from" 5 'e["event"] == "certificate-renewed"' >/dev/null
[ "$("$kith" status --json --socket s1.sock | value 'e["certificates"]["soon"]')" = false ] || fail "$("$kith" status --socket s1.sock)"

# The head of the issuer's log: whoever asks the node for it can hold the issuer to it.
[ "$("$kith" status --json --socket s1.sock | value 'e["logs"]')" = '[]' ] || fail "a log that nobody showed"
"$kith" ca log head ca --out head
ends 0 'taken' "$kith" revoke head --socket s1.sock
"$kith" status --socket s1.sock | grep -q "^log of $second: [0-9]* certificates, by its head of " || fail "$("$kith" status --socket s1.sock)"
"$kith" status --json --socket s1.sock | value 'e["logs"][0]["head"]' >seen
ends 0 'it holds' bash -c '"$0" ca log prove ca seen --out proof && "$0" ca log verify proof --issuer "$1"' "$kith" "$second"
no_event s1 0 'e["event"] == "trouble" and e["what"] == "log"'

# What the root says of the network.
ends 2 'expected all or certified' "$kith" ca network ca some
ends 0 'parameters number 1 are in' "$kith" ca network ca certified
ends 0 'supernodes: certified ones only' "$kith" id show ca/network-parameters
ends 0 'taken' "$kith" revoke ca/network-parameters --socket s1.sock
ends 0 'parameters number 2 are in' "$kith" ca network ca all
[ "$("$kith" status --json --socket s1.sock | value 'e["role"]')" = supernode ] || fail "it is certified, and does not serve"

# A revoked name of an issuer that this supernode never met otherwise.
start frank - "$peer" --profile frank --allow-loopback
start_peer alice - --allow-loopback
start_peer bob - --allow-loopback
from=$(mark alice)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
for name in alice bob s1; do
	"$kith" lookup "$name" --json --socket s1.sock | value 'any(d["online"] for d in e["devices"])' | grep -q true || fail "lookup $name"
done
wait_for frank 0 5 'e["event"] == "started"' >/dev/null
no_event frank 0 'e["event"] in ("attached", "published") and e.get("homes", 1) > 0'
echo "names of both issuers are online and talk"

alice_from=$(mark alice)
bob_from=$(mark bob)
ends 0 'list number 1' "$kith" ca revoke ca --issuer ca/issuer-1.cert
"$kith" revoke ca/root-revocations --socket s1.sock >/dev/null
wait_for alice "$alice_from" 15 'e["event"] == "attached" and e["homes"] == 0' >/dev/null
"$kith" lookup bob --json --socket s1.sock | value 'any(d["online"] for d in e["devices"])' | grep -q true || fail "bob is gone"
no_event bob "$bob_from" 'e["event"] == "attached" and e["homes"] == 0'
stop alice
start alice - "$peer" --profile alice --allow-loopback
wait_for alice 0 5 'e["event"] == "started"' >/dev/null
"$kith" ping s1 --profile bob --allow-loopback >/dev/null 2>&1 && fail "bob's profile ran twice"
stop bob
"$kith" ping s1 --profile bob --allow-loopback --count 2 --interval 20 >/dev/null || fail "bob cannot ping"
no_event alice 0 'e["event"] in ("attached", "published") and e.get("homes", 1) > 0'
echo "names of the revoked issuer were cut off, the others were not"

# Of a revoked issuer nothing is left to revoke; the numbers of the others go on.
ends 0 'there is no list to make' "$kith" ca revoke ca alice
ends 0 'list number 4' "$kith" ca revoke ca carol
[ "$("$kith" id show ca/revocations --json | value 'len(e)')" = 2 ] || fail "$("$kith" id show ca/revocations)"

# The present issuer too, and a third one.
ends 0 'a new one: kith ca renew ca' "$kith" ca revoke ca --issuer "$second"
ends 1 'this issuer is revoked' "$kith" ca issue ca dora --profile dora --no-passphrase
ends 1 '--keep-key: the issuer' "$kith" ca renew ca --keep-key
# A temporary file of a process that had this number and was cut off is in nobody's way.
# shellcheck disable=SC2016
ends 0 'REVOKED' bash -c ': >"ca/ledger.$$.tmp"; : >"ca/issuer-3.cert.$$.tmp"; exec "$0" ca renew ca --no-passphrase' "$kith"
[ -z "$(find ca -name '*.tmp')" ] || fail "temporary files were left behind: $(ls ca)"
[ "$(grep '^  ' out | tr '\n' ' ')" = '  bob   s1 ' ] || fail "not bob and s1: $(cat out)"
issue dora
ends 0 'list number 5' "$kith" ca revoke ca dora
# The list comes with its issuer's certificate: this supernode never heard of the third one.
[ "$("$kith" revoke ca/revocations --json --socket s1.sock | value 'e["lists"]')" = 1 ] || fail "the list of an unknown issuer was refused"
[ "$(show '[len(e["issuers"]), e["issuer_serial"], e["issuer_revoked"]]')" = '[3, 3, false]' ] || fail "$("$kith" ca show ca)"
ends 0 "former issuer: $first" "$kith" ca show ca
ends 0 'ISSUER REVOKED' "$kith" ca list ca
stop s1
[ "$exit_code" = 0 ] || fail "kithd ended with $exit_code"
echo "PASS"
