#!/usr/bin/env bash
# What the built libraries take from outside and hold inside:
#   - libkith_core.a needs no symbol but those of core_symbols.allow, and none that is random, whatever is allowed
#   - no object of the core has writable data: a process may hold a million cores, so there are no globals
#   - the simulated crypto suite is in no installed library
# Usage: symbols.sh <directory of the libraries> | symbols.sh --self-test [compiler]
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)

# Refused even if the list allowed them: libsodium's generator, and what calls it behind the scenes.
denied='^(randombytes.*|rand|random|arc4random.*|getrandom|getentropy|malloc|calloc|realloc|free|crypto_.*_keygen|crypto_.*_seal|crypto_pwhash.*|crypto_secretstream_.*_init_push|crypto_core_.*_random)$'
denied_keypair='_keypair$'
seeded_keypair='_seed_keypair$'

# undefined <archive>: what its members need and none of them defines.
undefined() {
	comm -23 <(nm -u "$1" 2>/dev/null | awk '$1 ~ /^[Uwv]$/ { print $2 }' | sort -u) \
		<(nm --defined-only "$1" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)
}

# check_undefined <archive> <allow list>: prints each symbol that is not allowed.
check_undefined() {
	local symbol glob ok bad=0 members
	local -a globs
	members=$(ar t "$1" | wc -l)
	[ "$members" -gt 0 ] || { echo "$1 is empty"; return 1; }
	mapfile -t globs < <(sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$2")
	while read -r symbol; do
		ok=0
		for glob in "${globs[@]}"; do
			# shellcheck disable=SC2053 # the right side is a glob
			[[ $symbol == $glob ]] && ok=1 && break
		done
		if [[ $symbol =~ $denied ]] || { [[ $symbol =~ $denied_keypair ]] && ! [[ $symbol =~ $seeded_keypair ]]; }; then ok=0; fi
		if [ $ok = 0 ]; then
			echo "$(basename "$1") needs $symbol ($(nm -A -u "$1" 2>/dev/null | awk -v s="$symbol" '$NF == s' |
				sed -E 's/^[^:]*:([^:]*):.*/\1/' | sort -u | paste -sd' '))"
			bad=1
		fi
	done < <(undefined "$1")
	return $bad
}

# check_data <archive>: prints each section that could be written at run time. Tables of pointers are made read-only by the
# loader (.data.rel.ro), and are no state.
check_data() {
	local found
	found=$(size -A "$1" | awk '
		/ex |:$|: *\(ex/ { object = $1 }
		$1 ~ /^\.(data|bss|tdata|tbss)($|\.)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { print object " has " $2 " bytes of " $1 }')
	found+=$(nm "$1" 2>/dev/null | awk '$2 == "C" { print "common symbol " $3 }')
	[ -z "$found" ] || { echo "$found"; return 1; }
}

check_suite() {
	local lib bad=0
	for lib in "$@"; do
		if nm "$lib" 2>/dev/null | grep -qi 'suite_sim'; then
			echo "$(basename "$lib") holds the simulated crypto suite"
			bad=1
		fi
	done
	return $bad
}

check() {
	local libs=$1 bad=0
	[ -f "$libs/libkith_core.a" ] || { echo "no libkith_core.a in $libs"; return 1; }
	check_undefined "$libs/libkith_core.a" "$here/core_symbols.allow" || bad=1
	check_data "$libs/libkith_core.a" || bad=1
	check_suite "$libs"/libkith.a "$libs"/libkith_core.a "$libs"/libkith.so "$libs"/libkith_core.so || bad=1
	[ $bad = 0 ] && echo "the core takes $(undefined "$libs/libkith_core.a" | wc -l) symbols from outside, all allowed"
	return $bad
}

self_test() {
	local cc=${1:-cc} tmp failed=0 tried=0
	tmp=$(mktemp -d)
	# shellcheck disable=SC2064 # tmp is local
	trap "rm -rf '$tmp'" EXIT
	cp "$here/core_symbols.allow" "$tmp/allow"
	printf '%s\n' 'randombytes_*' 'crypto_*' >>"$tmp/allow" # too generous: the denied ones must be refused all the same
	# expect <pass|fail> <name> <source>
	expect() {
		local verdict=pass
		tried=$((tried + 1))
		rm -f "$tmp/t.a"
		echo "$3" | "$cc" -std=c11 -O1 -fPIC -fno-builtin -w -x c -c - -o "$tmp/t.o"
		ar qc "$tmp/t.a" "$tmp/t.o" 2>/dev/null
		{ check_undefined "$tmp/t.a" "$tmp/allow" && check_data "$tmp/t.a" && check_suite "$tmp/t.a"; } >/dev/null || verdict=fail
		if [ $verdict != "$1" ]; then
			echo "self-test: '$2' should $1"
			failed=1
		fi
	}
	expect pass "pure functions" 'int memcmp(); int f(void *a, void *b) { return memcmp(a, b, 4); }'
	expect pass "seeded key pair" 'int crypto_sign_seed_keypair(); int f(void *a) { return crypto_sign_seed_keypair(a, a, a); }'
	expect pass "constant table of pointers" 'static int g(void) { return 1; } int (*const t[])(void) = { g };'
	expect fail "malloc" 'void *malloc(); void *f(void) { return malloc(4); }'
	expect fail "time" 'long time(); long f(void) { return time(0); }'
	expect fail "socket" 'int socket(); int f(void) { return socket(2, 2, 0); }'
	expect fail "printf" 'int printf(); int f(void) { return printf("x"); }'
	expect fail "libsodium randomness" 'void randombytes_buf(); void f(void *p) { randombytes_buf(p, 4); }'
	expect fail "unseeded key pair" 'int crypto_sign_keypair(); int f(void *a) { return crypto_sign_keypair(a, a); }'
	expect fail "self-seeding sealed box" 'int crypto_box_seal(); int f(void *a) { return crypto_box_seal(a, a, 1, a); }'
	expect fail "a global" 'int counter = 3; int f(void) { return counter++; }'
	expect fail "a zeroed global" 'static int counter; int f(void) { return counter++; }'
	expect fail "the simulated suite" 'int kith_suite_sim(void) { return 0; }'
	[ $failed = 1 ] || echo "self-test: $tried archives were judged rightly"
	return $failed
}

case ${1:-} in
--self-test) self_test "${2:-cc}" ;;
"") echo "usage: $0 <directory of the libraries> | --self-test [compiler]" >&2; exit 2 ;;
*) check "$1" ;;
esac
