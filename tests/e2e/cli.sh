#!/usr/bin/env bash
# kith: from an empty directory to a network, certificates and profiles; enrolment with an invitation; what it refuses, and its exit codes.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
export KITH_QUIET=1
cd "$tmp"

ends 2 'usage: kith' "$kith"
ends 0 'usage: kith' "$kith" --help
ends 0 'kith ' "$kith" --version
ends 2 'there is no such command' "$kith" frobnicate
ends 2 'expected: kith ca issue' "$kith" ca issue
ends 2 '--network is missing' "$kith" ca init ca
for group in '' ca id; do # alone: a list of what there is
	ends 2 "kith ${group:+$group }COMMAND --help lists" "$kith" $group
	[ ! -s out ] || fail "kith $group: a complaint on standard output"
	ends 0 "kith ${group:+$group }COMMAND --help lists" "$kith" $group --help
done
ends 2 'kith: ca frob: there is no such command' "$kith" ca frob
ends 2 'kith id accept' "$kith" id
! grep -q 'kith ca' out err || fail "kith id lists commands of kith ca"
ends 2 'kith: --nonsense: unknown option' "$kith" --nonsense
ends 2 '--network: missing argument' "$kith" ca init ca --network
ends 2 'expected 1 to 64 printable characters' "$kith" ca init ca --network "$(printf 'a%.0s' {1..65})"
ends 2 '--network: found ""; expected' "$kith" ca init ca --network ''
ends 2 '--open: found "' "$kith" id new me --open "$(printf 'a%.0s' {1..65})"
ends 2 '--label: found "' "$kith" id renew me --label "$(printf 'a%.0s' {1..33})"
for bad in 0 -1 x '' 1x 36501 99999999999999999999; do
	ends 2 "--days: found \"$bad\"; expected a number from 1 to 36500" "$kith" ca init ca --network n --days "$bad"
done
ends 2 '--count: found "0"; expected' "$kith" ping bob --count 0
ends 2 '--timeout: found "601"; expected a number from 1 to 600' "$kith" status --timeout 601
ends 2 '--wait: found "-1"; expected a number from 0' "$kith" explain bob --wait -1
ends 2 '--interval: found "5"; expected' "$kith" ping bob --interval 5
ends 2 '--nonsense: unknown option' "$kith" status --nonsense
for bad in nohost host:0 host:70000 host:port :1 '::1:1' 'host:1 key'; do
	ends 2 "--bootstrap: found \"$bad\"; expected host:port" "$kith" id accept me grant --bootstrap "$bad"
done
[ -z "$(find . -mindepth 1 -maxdepth 1 -type d)" ] || fail "a refused command has made a directory: $(ls)"

# What a command does not take is a mistake, and said with both names: every option that its --help does not list.
declare -A argument=([argon2-memory]=64 [count]=1 [interval]=20 [wait]=1 [timeout]=1 [days]=1 [serial]=1 [grace]=1 [bootstrap]=host:1)
options='socket profile count interval wait timeout allow-loopback network constraint supernode days serial grace issuer identity
	keep-key request bootstrap label open out force passphrase-file no-passphrase argon2-memory version'
refused=0
while read -r line; do
	read -ra command <<<"$line"
	"$kith" "${command[@]}" --help >help
	for option in $options; do
		if grep -q -- " --$option" help; then continue; fi
		words=("--$option")
		case $option in
		allow-loopback | supernode | keep-key | force | no-passphrase | version) ;;
		*) words+=("${argument[$option]:-x}") ;;
		esac
		ends 2 "kith $line: --$option has no effect" "$kith" "${words[@]}" "${command[@]}"
		refused=$((refused + 1))
	done
done < <("$kith" --help | sed -nE 's/^  kith ((ca|id) [a-z]+|[a-z]+) .*/\1/p' | sort -u)
[ "$refused" -gt 250 ] || fail "only $refused options were refused"
echo "$refused options were refused"
ends 2 'kith id new: --bootstrap has no effect without --open' "$kith" id new me -b host:1
ends 2 'kith ca issue: --out has no effect without --request' "$kith" ca issue ca a --profile a -o out2
for words in '--profile a' '--supernode' '-b host:1' '--label x' '--no-passphrase' '--allow-loopback'; do
	# shellcheck disable=SC2086 # several words
	ends 2 'has no effect with --request' "$kith" ca issue ca --request r $words
done
ends 2 'kith ca renew: --no-passphrase has no effect with --keep-key' "$kith" ca renew ca --keep-key --no-passphrase
ends 2 'kith ping: --allow-loopback has no effect without --profile' "$kith" ping bob --allow-loopback
ends 2 'kith status: --passphrase-file has no effect without --profile' "$kith" status --passphrase-file f
ends 2 'kith id new: --argon2-memory has no effect with --no-passphrase' "$kith" id new me --no-passphrase --argon2-memory 64
ends 2 'kith ca init: --network: given twice' "$kith" ca init ca --network a --network b
rm help

# Things in the place of others: nothing, an empty file, garbage, a directory.
mkdir dir
: >empty
head -c 3000 /dev/urandom >garbage
ends 1 'nowhere: No such file or directory; make a network first: kith ca init' "$kith" ca show nowhere
ends 1 'dir/ledger cannot be read: there is no such file; make a network first' "$kith" ca show dir
ends 1 'empty: it is no directory; expected what kith ca init made' "$kith" ca list empty
ends 1 'empty cannot be made: it exists, and is no directory' "$kith" ca init empty --network n --no-passphrase
ends 1 'empty cannot be made: it exists, and is no directory' "$kith" id new empty --no-passphrase
ends 1 'dir/request: No such file or directory; a grant answers a request' "$kith" id accept dir garbage
ends 1 'dir/chain: there is no such file; expected a profile' "$kith" id renew dir
for what in empty garbage; do
	ends 1 "$what: it holds no armoured text" "$kith" id show $what
	ends 1 "$what: it holds no invitation; expected what kith ca invite wrote" "$kith" id request dir $what
	ends 1 "$what holds no revocation list; expected what kith ca revoke wrote" "$kith" revoke $what
	ends 5 "$what: it is no socket" "$kith" status --socket $what
	ends 1 "--profile: $what/network: not found; expected a directory that kith id made" "$kith" status --profile $what
done
ends 1 'dir cannot be read: it is not a regular file' "$kith" revoke dir
ends 5 'dir: it is no socket' "$kith" status --socket dir
ends 5 'is kithd running' "$kith" status --socket nowhere
"$kith" id new open --open kith --no-passphrase >/dev/null
for what in empty garbage; do
	for file in network key chain; do
		rm -rf broken
		cp -r open broken
		cp $what broken/$file
		ends 1 "broken/$file" "$kith" status --profile broken
	done
done
"$kith" id new known --open kith --no-passphrase -b host:7000 --bootstrap '[::1]:7001' --allow-loopback >/dev/null
[ "$(tr '\n' ' ' <known/bootstrap)" = 'loopback host:7000 [::1]:7001 ' ] || fail "id new --open -b: $(cat known/bootstrap)"
cp -r open open2
printf '# hosts\n\nhost:7000\nhost:70000\n' >open2/bootstrap
ends 1 'open2/bootstrap: line 4: a line must be host:port' "$kith" status --profile open2
ends 1 '--passphrase-file: empty: its first line is empty' "$kith" id new sealed --passphrase-file empty
ends 1 '--passphrase-file: dir: ' "$kith" id new sealed --passphrase-file dir
ends 1 'KITH_PASSPHRASE_FILE: nowhere: there is no such file' env KITH_PASSPHRASE_FILE=nowhere "$kith" id new sealed
[ ! -e sealed ] || fail "a refused command has made a directory"
rm -rf dir empty garbage open open2 known broken
ends 2 'days' "$kith" ca init ca --network n --days -3
ends 2 'unknown option' "$kith" status --colour

# A network, with a passphrase.
echo 'correct horse' >pass
echo 'battery staple' >wrong
ends 1 'no terminal' setsid -w "$kith" ca init ca --network n
ends 0 'root key:' "$kith" ca init ca --network n --passphrase-file pass --constraint .example
ends 1 'never overwritten' "$kith" ca init ca --network n --no-passphrase
[ "$(stat -c %a ca ca/root.key ca/issuer.key | tr '\n' ' ')" = '700 600 600 ' ] || fail "modes: $(stat -c '%a %n' ca ca/*)"
ends 0 .example "$kith" ca show ca --json
before=$(sums ca)
ends 1 'wrong passphrase' "$kith" ca issue ca a.example --profile a --passphrase-file wrong
ends 1 'may only give names that end in .example' "$kith" ca invite ca alice
ends 1 'does not let this issuer make supernodes' "$kith" ca invite ca s.example --supernode
ends 1 'does not let this issuer make supernodes' "$kith" ca issue ca s.example --profile a --passphrase-file pass --supernode
ends 2 'a name is 1 to 32' "$kith" ca invite ca Alice.example
[ "$before" = "$(sums ca)" ] || fail "a refused command has changed the authority"
[ ! -e a ] || fail "a refused command has made a profile"

# Enrolment: invitation, request, grant.
ends 0 identity "$kith" id new bob --no-passphrase
[ "$(stat -c %a bob bob/key | tr '\n' ' ')" = '700 600 ' ] || fail "modes of bob"
ends 1 'never overwritten' "$kith" id new bob --no-passphrase
ends 0 'KITH INVITATION' "$kith" ca invite ca bob.example
"$kith" ca invite ca bob.example --json | value '"KITH INVITATION" in e["text"]' | grep -qi true || fail "an invitation as JSON"
"$kith" ca invite ca bob.example --out invitation
ends 1 'holds no invitation' "$kith" id request bob pass
ends 0 '' "$kith" id request bob invitation --out request
[ ! -s out ] || fail "--out, and something on standard output"
"$kith" id request bob invitation >request
ends 1 'holds no request' "$kith" ca issue ca --request invitation --passphrase-file pass
"$kith" ca issue ca --request request --passphrase-file pass --out grant
ends 1 'no invitation that is still open' "$kith" ca issue ca --request request --passphrase-file pass
ends 0 '"type": "name certificate"' "$kith" id show grant --json
"$kith" id new eve --no-passphrase >/dev/null
ends 1 'request' "$kith" id accept eve grant
"$kith" ca invite ca eve.example --out invitation-eve
"$kith" id request eve invitation-eve --out request-eve
ends 1 'does not answer this profile' "$kith" id accept eve grant
# A request that was meddled with.
python3 - <<'END'
import base64
text = open("request-eve").read().split("\n")
body = bytearray(base64.b64decode("".join(text[1:-2])))
body[60] ^= 1
coded = base64.b64encode(body).decode()
lines = [coded[i:i + 64] for i in range(0, len(coded), 64)]
open("forged", "w").write("\n".join([text[0], *lines, text[-2], ""]))
END
ends 1 'the request is refused' "$kith" ca issue ca --request forged --passphrase-file pass
ends 0 bob.example "$kith" id accept bob grant --bootstrap 127.0.0.1:4433 --label phone
ends 0 'until' "$kith" id renew bob --days 5
# What a device is called is in its owner's files, and in nothing that travels.
ends 0 ' phone ' "$kith" id devices list bob
"$kith" id show bob >shown
if grep -qi 'phone\|label' shown; then fail "certificates of bob tell a label: $(cat shown)"; fi
# Everybody reads his certificates: they tell days.
"$kith" id show bob | sed '1,/type: name certificate/d' | grep -E '^(not before|expires):' | head -4 >dates # the issuer's come after
[ "$(grep -c ' 00:00:00Z$' dates)" = 4 ] || fail "dates of bob: $(cat dates)"

# Further devices. What was listed stays listed, and numbers rise.
listed() { "$kith" id devices list "$1" --json | value '[d.get("label") for d in sorted(e["devices"], key=lambda d: d.get("number", 0))]'; }
ends 2 'expected: kith id devices list DIR' "$kith" id devices
ends 0 'this one' "$kith" id devices list bob
ends 0 'device 2' "$kith" id devices add bob tablet --label tablet --no-passphrase
ends 1 'never overwritten' "$kith" id devices add bob tablet --no-passphrase
ends 0 'device 3' "$kith" id devices add bob pc --label pc --no-passphrase
[ "$(listed bob)" = '["phone", "tablet", "pc"]' ] || fail "the devices of bob: $(listed bob)"
ends 1 'holds no identity' "$kith" id renew tablet
before=$("$kith" id devices list bob --json | value 'e["list_number"]')
ends 0 'until' "$kith" id renew bob --days 5
[ "$(listed bob)" = '["phone", "tablet", "pc"]' ] || fail "a renewal has changed the devices of bob: $(listed bob)"
ends 3 'no device' "$kith" id devices remove bob nobody
ends 1 'that is the device of this profile' "$kith" id devices remove bob phone
ends 0 'removed' "$kith" id devices remove bob tablet
mv bob/devices kept
ends 1 'bob/devices is missing' "$kith" id renew bob # it would leave the others out
echo '{}' >bob/devices
ends 1 'bob/devices is damaged' "$kith" id devices list bob
mv kept bob/devices
[ "$(listed bob)" = '["phone", "pc"]' ] || fail "the devices of bob: $(listed bob)"
[ "$("$kith" id devices list bob --json | value 'e["list_number"]')" -gt "$((before + 1))" ] || fail "numbers of lists do not rise"
[ "$before" -gt 1700000000000 ] || fail "the number of a list is no time: $before"
[ "$((before % 60000))" -lt 10 ] || fail "the number of a list tells more than a minute: $before"

# A name stays with its key, and keeps its placement.
ends 1 'another one, for a new key' "$kith" ca issue ca bob.example --profile bob2 --passphrase-file pass
placement=$("$kith" id show bob --json | value 'e[0]["placement"]')
ends 0 'serial' "$kith" ca issue ca bob.example --profile bob2 --passphrase-file pass --force
[ "$("$kith" id show bob2 --json | value 'e[0]["placement"]')" = "$placement" ] || fail "the placement of bob.example has changed"

# The log: what was issued, in order; proofs hold for whoever has the issuer's key, and a name that was given twice shows.
ends 2 'expected: kith ca log list DIR' "$kith" ca log
ends 0 'bob.example' "$kith" ca log list ca
[ "$("$kith" ca log list ca --json | value '[c["serial"] for c in e]')" = '[1, 2]' ] || fail "the log: $("$kith" ca log list ca)"
ends 0 'size: 2' "$kith" id show ca/log.head
ends 1 '1 pair(s) of certificates give a name to two keys' "$kith" ca log audit ca
"$kith" ca log head ca --out head2
"$kith" ca log prove ca 1 --out proof
ends 0 'it holds: a log of 2 certificates' "$kith" ca log verify proof --issuer ca/issuer.cert
ends 0 'it holds' "$kith" ca log verify proof --issuer "$("$kith" ca show ca --json | value 'e["issuer"]')"
ends 2 '--issuer is missing' "$kith" ca log verify proof
ends 1 'is another issuer' "$kith" ca log verify proof --issuer "$("$kith" ca show ca --json | value 'e["root"]')"
sed 's/^index: 0/index: 1/' proof >proof2
ends 1 'the proof does not hold' "$kith" ca log verify proof2 --issuer ca/issuer.cert
ends 3 'expected the serial' "$kith" ca log prove ca 77
"$kith" ca issue ca carl.example --profile carl --passphrase-file pass >/dev/null
ends 0 'it holds: a log of 3' bash -c '"$0" ca log prove ca head2 --out proof3 && "$0" ca log verify proof3 --issuer ca/issuer.cert' "$kith"
# A log that was cut, or changed, or that is no log: nothing is issued, and nothing is lost.
cp ca/log good
sed -n '1,/-----END/p' good >ca/log
ends 1 'has 1 certificates, and had 3' "$kith" ca issue ca dora.example --profile dora --passphrase-file pass
{ sed -n '1,/-----END/p' good; cat good; } >ca/log
ends 1 'is not the log of its head' "$kith" ca issue ca dora.example --profile dora --passphrase-file pass
{ cat good; echo garbage; } >ca/log
ends 1 'kept as ca/log.damaged' "$kith" ca issue ca dora.example --profile dora2 --passphrase-file pass
grep -q garbage ca/log.damaged || fail "the damaged log was not kept"
ends 1 'has 0 certificates, and had 3' "$kith" ca log audit ca
cp good ca/log
ends 0 'serial' "$kith" ca issue ca dora.example --profile dora3 --passphrase-file pass
[ -z "$(find ca -name '*.tmp')" ] || fail "temporary files were left behind"
rm ca/log.damaged

# Revocation: a list that grows, and is numbered.
ends 3 'no such certificate' "$kith" ca revoke ca nobody.example --passphrase-file pass
ends 0 'list number 1' "$kith" ca revoke ca --serial 1 --passphrase-file pass
ends 0 'list number 2' "$kith" ca revoke ca bob.example --passphrase-file pass
ends 0 'serials: 1-2' "$kith" id show ca/revocations
ends 0 REVOKED "$kith" ca list ca

# An identity key that is kept apart: every command that certifies wants it.
ends 0 'identity' "$kith" id new apart --identity apart.identity --no-passphrase
ends 1 'never overwritten' "$kith" id new apart2 --identity apart.identity --no-passphrase
"$kith" ca invite ca apart.example --out invitation-apart
ends 1 'say where: --identity' "$kith" id request apart invitation-apart
ends 0 '' "$kith" id request apart invitation-apart --out request-apart --identity apart.identity
"$kith" ca issue ca --request request-apart --passphrase-file pass --out grant-apart
ends 1 'say where: --identity' "$kith" id accept apart grant-apart
ends 0 'name: apart.example' "$kith" id accept apart grant-apart --identity apart.identity
ends 1 'holds no identity' "$kith" id renew apart --identity apart/key

# An issuer, by the root: by key or certificate; the list has numbers of its own. Nothing is given by it any more.
ends 2 '--grace: found "0"; expected' "$kith" ca revoke other --grace 0
issuer=$("$kith" ca show ca --json | value 'e["issuer"]')
before=$(sums ca)
ends 1 '--issuer: pass: it holds no issuer' "$kith" ca revoke ca --issuer pass --passphrase-file pass
ends 2 '--issuer: nothing: there is no such file; expected the issuer' "$kith" ca revoke ca --issuer nothing
ends 1 'that is the root key' "$kith" ca revoke ca --issuer "$("$kith" ca show ca --json | value 'e["root"]')" --passphrase-file pass
ends 2 'exclude each other' "$kith" ca revoke ca --issuer "$issuer" --serial 1
ends 2 'expected: kith ca revoke' "$kith" ca revoke ca bob.example --issuer "$issuer"
ends 1 'wrong passphrase' "$kith" ca revoke ca --issuer "$issuer" --passphrase-file wrong
mv ca/root.key safe
ends 1 'bring its key back there' "$kith" ca revoke ca --issuer "$issuer" --passphrase-file pass
"$kith" ca init other --network other --passphrase-file pass >/dev/null
cp other/root.key ca/root.key
ends 1 'is the root key of another network' "$kith" ca revoke ca --issuer "$issuer" --passphrase-file pass
mv safe ca/root.key
[ "$before" = "$(sums ca)" ] || fail "a refused revocation has changed the authority"
ends 0 'list number 1 is in ca/root-revocations' "$kith" ca revoke ca --issuer other/issuer.cert --passphrase-file pass
ends 0 'list number 2' "$kith" ca revoke ca --issuer "$issuer" --passphrase-file pass --out out2
ends 0 'list number 3' "$kith" ca revoke ca --issuer ca/issuer.cert --passphrase-file pass --days 3
ends 0 'signer: root' "$kith" id show ca/root-revocations
[ "$(grep -c '^key: ' out)" = 2 ] || fail "not two keys: $(cat out)"
grep -q "$issuer" out || fail "no $issuer in: $(cat out)"
ends 0 'serials: 1-2' "$kith" id show ca/revocations
ends 0 'REVOKED' "$kith" ca show ca
ends 1 'this issuer is revoked' "$kith" ca invite ca dora.example
ends 1 'this issuer is revoked' "$kith" ca issue ca dora.example --profile dora --passphrase-file pass

# No kithd to ask.
ends 5 'is kithd running' "$kith" status --socket "$tmp/none.sock"
ends 5 '"exit_code":5' "$kith" status --socket "$tmp/none.sock" --json
ends 2 'a name is 1 to 32' "$kith" lookup 'a b' --socket "$tmp/none.sock"
ends 1 'network' "$kith" lookup bob --profile "$tmp/none"

# A full disk costs the authority nothing.
if [ "$(id -u)" = 0 ] && [ -z "${KITH_NO_ROOT:-}" ]; then
	mkdir full
	unmount() { umount "$tmp/full" 2>/dev/null || true; }
	cleaners+=(unmount)
	mount -t tmpfs -o size=128k tmpfs full
	cp -r ca full/ca
	dd if=/dev/zero of=full/filler bs=1k 2>/dev/null || true
	before=$(sums full/ca)
	ends 1 'no space left' "$kith" ca revoke full/ca --issuer "$issuer" --passphrase-file pass
	ends 1 'no space left' "$kith" ca revoke full/ca bob.example --passphrase-file pass
	[ "$before" = "$(sums full/ca)" ] || fail "a full disk has changed the authority"
	[ -z "$(find full/ca -name '*.tmp')" ] || fail "temporary files were left behind"
	echo "a full disk: refused, nothing lost"
fi

# A supernode that can be asked, and those that it can be asked about: there, gone, killed, nobody.
port=$((20000 + $$ % 20000))
rm -rf ca bob
make_profiles "127.0.0.1:$port" -- s1 -- bob carol dave
"$kith" ca issue ca lost --profile lost --no-passphrase --bootstrap 127.0.0.9:9 >/dev/null
mkdir lost-out
(cd lost-out && ends 4 'no supernode answered within 20 s' "$kith" status --profile ../lost --allow-loopback) &
lost=$!
supernode_conf s1 "127.0.0.1:$port" 'allow_loopback = yes'
start_kithd s1 -
start_peer bob - --allow-loopback
start_peer carol - --allow-loopback
ask() { # ask CODE TEXT COMMAND...: by both ways
	local want=$1 text=$2
	shift 2
	ends "$want" "$text" "$kith" "$@" --socket s1.sock
	ends "$want" "$text" "$kith" "$@" --profile dave --allow-loopback
}
ask 0 'online' lookup bob
ask 3 'not found' lookup nobody
ask 3 'not found' ping nobody
ends 1 'rejected' "$kith" ping bob --profile dave --allow-loopback # a peer serves no pings
say bob quit
await_end bob 10
ask 3 'offline' lookup bob
ends 3 '"online": false' "$kith" lookup bob --socket s1.sock --json
ask 3 'no device of it is online' ping bob
crash carol # nobody knows it yet
ask 0 'online' lookup carol
ends 4 'timed out' "$kith" ping carol --timeout 2 --profile dave --allow-loopback
ends 1 'No space left' bash -c '"$0" status --socket s1.sock >/dev/full' "$kith"
ends 0 'name: s1' "$kith" status --socket s1.sock
ends 2 '--socket has no effect with --profile' "$kith" status --socket s1.sock --profile dave
ends 0 'name: s1' "$kith" -s s1.sock status # options may stand before the command
ends 0 '"name": "s1"' "$kith" --json --socket s1.sock status
ends 1 '"event"' "$kithd" -c s1.conf # another one has its profile and its address
stop s1
[ "$exit_code" = 0 ] || fail "kithd ended with $exit_code"
wait "$lost" || fail "a profile whose supernodes do not answer"
echo "PASS"
