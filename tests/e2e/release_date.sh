#!/usr/bin/env bash
# The date below which no wall clock is believed comes from the sources, reproducibly, and nobody has to remember it.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
export KITH_QUIET=1
unset SOURCE_DATE_EPOCH
script=$e2e/../../cmake/KithReleaseDate.cmake
least=1763683200

# gives SECONDS [VARIABLE=VALUE...]: what the script says of $tmp/sources.
gives() {
	local want=$1 found
	shift
	found=$(env "$@" cmake -D "DIRECTORY=$tmp/sources" -P "$script" 2>&1 || true)
	[ "$found" = "$want" ] || fail "expected $want, found $found ($*)"
}

changelog() {
	printf '# Changes\n\n' >"$tmp/sources/CHANGELOG.md"
	printf '## %s\n\ntext\n\n' "$@" >>"$tmp/sources/CHANGELOG.md"
}

mkdir "$tmp/sources"
gives $least # nothing to go by
changelog '0.2.0, unreleased' '0.1.0, unreleased'
gives $least
for date in 2026-01-01 2026-02-28 2028-02-29 2028-03-01 2026-08-09 2026-12-31 2100-02-28 2100-03-01; do
	changelog "9.0.0, unreleased" "1.0.0, $date" '0.1.0, 2025-12-31'
	gives "$(date -u -d "$date" +%s)"
done
changelog '0.1.0, 2019-01-01' # before anything of this was written
gives $least
gives 1999999999 SOURCE_DATE_EPOCH=1999999999
gives $least SOURCE_DATE_EPOCH=1
! SOURCE_DATE_EPOCH=yesterday cmake -D "DIRECTORY=$tmp/sources" -P "$script" 2>"$tmp/said" || fail "a date that is none was taken"
grep -q 'SOURCE_DATE_EPOCH is "yesterday"; expected seconds' "$tmp/said" || fail "$(cat "$tmp/said")"
# Without a release the last commit counts, wherever and whenever it is built.
changelog '0.1.0, unreleased'
git -C "$tmp/sources" init -q
gives $least # and no commit
git -C "$tmp/sources" add .
GIT_COMMITTER_DATE='@1899999999 +0000' git -C "$tmp/sources" -c user.name=n -c user.email=e commit -q -m x
gives 1899999999
echo more >>"$tmp/sources/CHANGELOG.md"
gives 1899999999
changelog '0.1.0, 2026-01-31'
gives 1769817600
echo "PASS"
