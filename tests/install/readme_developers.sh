#!/usr/bin/env bash
# README.md, "For application developers": its commands, run as they stand there, lead from the sources to two programs that say hello.
# Usage: readme_developers.sh <build directory>
# shellcheck source=tests/install/lib_root.sh
. "$(dirname "$0")/lib_root.sh"
host_of "$1"
take "For application developers"
[ "$(cd "$blocks" && echo [0-9]*)" = "1.sh 2.c 3.sh 4.cmake 5.sh 6.sh" ] || fail "other blocks than this test knows: $(ls "$blocks")"
cd "$source_dir"
bash -e "$blocks/1.sh" >"$blocks/log" 2>&1 || fail "build and install: $(tail -n 20 "$blocks/log")"

mkdir /tmp/hello && cd /tmp/hello
cp "$blocks/2.c" hello.c
cp "$blocks/4.cmake" CMakeLists.txt
mapfile -t lines < <(sed 's/ *#.*//' "$blocks/6.sh")
[ ${#lines[@]} = 3 ] || fail "not three commands"
for how in 3 5; do
	rm -rf hello dev
	bash -e "$blocks/$how.sh" >"$blocks/log" 2>&1 || fail "$(cat "$blocks/$how.sh"): $(tail -n 20 "$blocks/log")"
	terminal net "${lines[0]}"
	shows net 'Ctrl-C ends the supernode'
	terminal bob "${lines[1]}"
	shows bob 'this is bob'
	terminal alice "${lines[2]}"
	shows bob 'alice says: hello'
	shows alice 'bob says: hello yourself'
	for text in 'this is alice' 'attached to 1 supernode' 'others can find this node' 'bob is online'; do shows alice "$text"; done
	ctrl_c alice
	shows bob 'the session is over: '
	shows bob 'by the other side'
	ctrl_c bob
	ctrl_c net
	shows net 'stopped exit_code=0'
	echo "$(grep -o '^[a-z]*' "$blocks/$how.sh" | head -n 1): alice and bob said hello"
done
echo "PASS"
