# shellcheck shell=bash
# shellcheck disable=SC2154 # here and picture are of scripts/demo
# Sourced by scripts/demo --overlay: supernodes that elect themselves, watched. The network is drawn in tests/e2e/lib_overlay.sh.
# shellcheck source=tests/e2e/lib_overlay.sh
. "$here/tests/e2e/lib_overlay.sh"
leaves=104
sessions_max=76 # so that they are a load, and the candidates and members alone are none

# some_serve, none_serves: candidates.
some_serve() {
	[ -n "$(overlay_elected)" ]
}

none_serves() {
	[ -z "$(overlay_elected)" ]
}

attested() {
	local name
	for name in "${autos[@]}"; do
		case $name in open* | liar) is "$name" '((e["serving"]["attested"] or {}).get("attestations") or 0) >= 3' true || return 1 ;; esac
	done
}

title "Seven certified supernodes, and twelve nodes that may become some (role = auto)"
overlay_place 5 5 $leaves
echo "  open1 to open5   on public addresses"
echo "  nat1 to nat5     behind three NATs, two at most behind each"
echo "  liar             its link carries $((link_rate / 1000)) kB/s; by its own word it is ten times as fast"
echo "  small            on a public address; its operator allows 1 MiB of memory for others"
echo "  A test network: the election's clock goes $pace times as fast as usual, so that an hour is $((3600 / pace)) s. What is"
echo "  measured, who witnesses, and what they must have found is as everywhere."
overlay_up
overlay_profiles
overlay_mark "all begins"
overlay_certified
echo "  the certified supernodes have found each other: $(status s1 'e["tables"]["supernodes"]') members"
overlay_watch

title "The candidates come: witnesses that they did not choose try and measure them"
overlay_mark "candidates come"
overlay_autos
within 60 attested
for name in nat1 liar small; do
	echo
	"$kith" status --socket "$tmp/$name.sock" | sed -n "/^role\|^attested\|^would serve/{s/^/  kith status of $name  /;p}"
done

title "$leaves leaves come: too many for the certified ones, which may have $sessions_max sessions each"
overlay_mark "$leaves leaves come"
overlay_crowd_comes
within 30 some_serve
sleep 12 # leaves move, one in twenty a second: there is nothing to wait for but to see it
name=$(overlay_elected)
name=${name%%$'\n'*}
echo
"$kith" status --socket "$tmp/$name.sock" | sed -n "/^role\|^load\|^leaves\|^reached/{s/^/  kith status of $name  /;p}"

title "The leaves go: who was elected is not needed any more"
overlay_mark "they go"
overlay_crowd_goes
within 90 none_serves
sleep 2 # what came last is to be seen
overlay_mark "the end"
stop watch

title "What came of it"
overlay table "$tmp"
if /usr/bin/python3 -c 'import matplotlib' 2>/dev/null; then
	/usr/bin/python3 "$here/tests/e2e/lib_overlay.py" plot "$tmp" "$picture"
	echo "  the picture: $picture"
else
	echo "  no picture: it needs matplotlib (Debian: apt-get install python3-matplotlib)"
fi
