#!/usr/bin/env bash
# hello in other languages says hello to hello.c, and the other way round. Node.js is left out, with a word, where there is
# none, or where npm cannot get koffi.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
hello=$KITH_BUILD_DIR/examples/kith-hello
bindings=$(cd "$e2e/../../examples/bindings" && pwd)
cd "$tmp"
export LD_LIBRARY_PATH=$KITH_BUILD_DIR/lib PYTHONDONTWRITEBYTECODE=1

shows() { until_true "$2" grep -qF -- "$3" "$1.out"; }

# talk ALICE BOB: what each runs; alice calls.
talk() {
	local -a alice bob
	read -ra alice <<<"$1"
	read -ra bob <<<"$2"
	start bob - "${bob[@]}" net/bob
	start alice - "${alice[@]}" net/alice bob
	shows alice 15 'bob says: hello yourself'
	for text in 'this is bob' 'attached to 1 supernode(s)' 'alice calls' 'alice says: hello'; do shows bob 5 "$text"; done
	for text in 'this is alice' 'attached to 1 supernode(s)' 'bob is online'; do shows alice 5 "$text"; done
	stop alice INT
	[ "$exit_code" = 0 ] || fail "$1 ended with $exit_code after Ctrl-C"
	shows bob 5 'the session is over: the other side is shutting down, by the other side'
	stop bob INT
	[ "$exit_code" = 0 ] || fail "$2 ended with $exit_code after Ctrl-C"
	for name in alice bob; do [ ! -s "$name.log" ] || fail "$name complains: $(cat "$name.log")"; done
}

# Of the version that package.json says, once for a build.
get_koffi() {
	local place=$KITH_BUILD_DIR/examples/node
	mkdir -p "$place" && cp "$bindings/package.json" "$place"
	(cd "$place" && timeout 60 npm install --no-audit --no-fund --prefer-offline >npm.log 2>&1 && node -e 'require("koffi")')
	export NODE_PATH=$place/node_modules
}

start net - bash -c 'exec "$@" 2>&1' - "$kith" net net
shows net 10 ' started '
python="python3 $bindings/hello.py"
talk "$python" "$hello"
talk "$hello" "$python"
ends 1 'nowhere/network: not found' python3 "$bindings/hello.py" nowhere

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo "hello.js was left out: there is no Node.js here"
elif ! get_koffi; then
	echo "hello.js was left out: npm cannot get koffi"
else
	node="node $bindings/hello.js"
	talk "$node" "$hello"
	talk "$python" "$node"
	ends 1 'nowhere/network: not found' node "$bindings/hello.js" nowhere
fi
echo "PASS"
