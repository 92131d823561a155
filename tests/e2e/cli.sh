#!/usr/bin/env bash
# kith: from an empty directory to a network, certificates and profiles; enrolment with an invitation; what it refuses, and its exit codes.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
export KITH_QUIET=1
cd "$tmp"

# ends CODE TEXT COMMAND...: exit code, and a text in what it says.
ends() {
	local want=$1 text=$2 code=0
	shift 2
	timeout 60 "$@" >out 2>err </dev/null || code=$?
	[ "$code" = "$want" ] || fail "$*: exit code $code instead of $want: $(cat out err)"
	[ -z "$text" ] || grep -qF -- "$text" out err || fail "$*: not '$text' in: $(cat out err)"
}

sums() {
	find "$1" -type f ! -name lock -exec sha256sum {} + | sort
}

ends 2 'usage: kith' "$kith"
ends 0 'usage: kith' "$kith" --help
ends 0 'kith ' "$kith" --version
ends 2 'there is no such command' "$kith" frobnicate
ends 2 'expected: kith ca issue' "$kith" ca issue
ends 2 '--network is missing' "$kith" ca init ca
ends 2 'days' "$kith" ca init ca --network n --days -3
ends 2 'unknown option' "$kith" status --colour

# A network, with a passphrase.
echo 'correct horse' >pass
echo 'battery staple' >wrong
ends 1 'no terminal' setsid "$kith" ca init ca --network n
ends 0 'root key:' "$kith" ca init ca --network n --passphrase-file pass --constraint .example
ends 1 'never overwritten' "$kith" ca init ca --network n --no-passphrase
[ "$(stat -c %a ca ca/root.key ca/issuer.key | tr '\n' ' ')" = '700 600 600 ' ] || fail "modes: $(stat -c '%a %n' ca ca/*)"
ends 0 .example "$kith" ca show ca --json
before=$(sums ca)
ends 1 'wrong passphrase' "$kith" ca issue ca a.example --profile a --passphrase-file wrong
ends 1 'may only give names that end in .example' "$kith" ca invite ca alice
ends 2 'a name is 1 to 32' "$kith" ca invite ca Alice.example
[ "$before" = "$(sums ca)" ] || fail "a refused command has changed the authority"
[ ! -e a ] || fail "a refused command has made a profile"

# Enrolment: invitation, request, grant.
ends 0 identity "$kith" id new bob --no-passphrase
[ "$(stat -c %a bob bob/key | tr '\n' ' ')" = '700 600 ' ] || fail "modes of bob"
ends 1 'never overwritten' "$kith" id new bob --no-passphrase
ends 0 'KITH INVITATION' "$kith" ca invite ca bob.example --days 10
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
ends 0 'label: phone' "$kith" id show bob
ends 0 'until' "$kith" id renew bob --days 5
ends 0 'label: phone' "$kith" id show bob

# A name stays with its key, and keeps its placement.
ends 1 'another one, for a new key' "$kith" ca issue ca bob.example --profile bob2 --passphrase-file pass
placement=$("$kith" id show bob --json | value 'e[0]["placement"]')
ends 0 'serial' "$kith" ca issue ca bob.example --profile bob2 --passphrase-file pass --force
[ "$("$kith" id show bob2 --json | value 'e[0]["placement"]')" = "$placement" ] || fail "the placement of bob.example has changed"

# Revocation: a list that grows, and is numbered.
ends 3 'no such certificate' "$kith" ca revoke ca nobody.example --passphrase-file pass
ends 0 'list number 1' "$kith" ca revoke ca --serial 1 --passphrase-file pass
ends 0 'list number 2' "$kith" ca revoke ca bob.example --passphrase-file pass
ends 0 'serials: 1-2' "$kith" id show ca/revocations
ends 0 REVOKED "$kith" ca list ca

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
	ends 1 'no space left' "$kith" ca invite full/ca carol.example
	ends 1 'no space left' "$kith" ca revoke full/ca bob.example --passphrase-file pass
	[ "$before" = "$(sums full/ca)" ] || fail "a full disk has changed the authority"
	[ -z "$(find full/ca -name '*.tmp')" ] || fail "temporary files were left behind"
	echo "a full disk: refused, nothing lost"
fi
echo "PASS"
