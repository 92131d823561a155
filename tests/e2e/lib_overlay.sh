# shellcheck shell=bash
# shellcheck disable=SC2154 # names of those that are sourced before
# Sourced behind lib_common.sh and lib_net.sh: a network whose supernodes elect themselves, for overlay.sh and scripts/demo
# --overlay. Needs root.
#
#    s1 .. s7                certified supernodes. A leaf has three of them for homes, and must be witnessed by three others: six are
#                            the fewest, and seven leave one that may fail
#    open1 ..                role auto, on public addresses, as fast as the machine
#    nat1 ..                 role auto, two behind each router: masquerade, and no way in from outside
#    liar                    role auto; its link carries 50 kB/s each way (tbf), and it says ten times that
#    small                   role auto, with memory for few leaves by its caps
#    crowd                   a place with many leaves, which come and go
#
# All on one bridge, a /16 of its own each. The election's clock goes $pace times as fast as usual (kithd.conf, election_pace); what is
# measured, by whom, and what it must come to is as ever.

pace=600
certified=(s1 s2 s3 s4 s5 s6 s7)
sessions_max=60 # of each certified one: so that a crowd of some dozens of leaves is a load
link_rate=50000
declare -A router_of=() lan_of=()

# overlay_place OPEN NAT CROWD: names, addresses and namespaces of so many nodes.
overlay_place() {
	local i name
	autos=() crowd=()
	nets=(hub crowd "${certified[@]}" liar small)
	for i in 1 2 3 4 5 6 7; do address[s$i]=$i$i.$i.0.$i; done
	for ((i = 1; i <= $1; i++)); do
		autos+=("open$i") nets+=("open$i") address[open$i]=$((110 + i)).1.0.1
	done
	for ((i = 1; i <= $2; i++)); do
		name=r$(((i + 1) / 2))
		autos+=("nat$i") nets+=("nat$i") router_of[nat$i]=$name lan_of[nat$i]=$i
		[ -n "${address[$name]:-}" ] && [[ " ${nets[*]} " == *" $name "* ]] || nets+=("$name")
		address[$name]=$((130 + (i + 1) / 2)).1.0.1
	done
	autos+=(liar small)
	address[liar]=151.1.0.1 address[small]=152.1.0.1 address[crowd]=161.1.0.1
	for ((i = 1; i <= $3; i++)); do crowd+=("leaf$i"); done
}

# A router with a network for each host behind it; nothing gets in unasked, to itself neither (see lib_net.sh).
overlay_router() {
	net_public "$1" wan
	in_ns "$1" sysctl -qw net.ipv4.ip_forward=1
	in_ns "$1" nft -f - <<-END
	table ip kith {
		chain input {
			type filter hook input priority filter; policy accept;
			iifname "wan" meta l4proto udp ct state new drop
		}
		chain forward {
			type filter hook forward priority filter; policy accept;
			iifname "wan" ct state new drop
		}
		chain postrouting {
			type nat hook postrouting priority srcnat; policy accept;
			oifname "wan" masquerade
		}
	}
	END
}

overlay_behind() {
	local name=$1 router=${router_of[$1]} network=192.168.${lan_of[$1]}
	ip link add "lan${lan_of[$1]}" netns "$net-$router" type veth peer name eth0 netns "$net-$name"
	in_ns "$router" ip address add "$network.1/24" dev "lan${lan_of[$1]}"
	in_ns "$router" ip link set "lan${lan_of[$1]}" up
	in_ns "$name" ip address add "$network.2/24" dev eth0
	in_ns "$name" ip link set eth0 up
	in_ns "$name" ip route add default via "$network.1"
}

# overlay_slow NAME: its link carries $link_rate bytes a second each way, and holds 0.2 s of that back.
overlay_slow() {
	local limit=(root tbf rate $((link_rate * 8))bit burst 3000 latency 200ms)
	in_ns "$1" tc qdisc add dev eth0 "${limit[@]}"
	in_ns hub tc qdisc add dev "to-$1" "${limit[@]}"
}

overlay_up() {
	local name
	net_hub net_host
	for name in "${nets[@]}"; do
		case $name in
		hub | nat*) ;;
		r[0-9]*) overlay_router "$name" ;;
		*) net_public "$name" eth0 ;;
		esac
	done
	for name in "${!router_of[@]}"; do overlay_behind "$name"; done
	overlay_slow liar
}

# overlay_conf NAME ROLE [LINE...]
overlay_conf() {
	local name=$1 role=$2
	shift 2
	{
		printf 'role = %s\nprofile = "%s"\ncontrol = "%s"\nlog_format = json\nlog_clear = yes\n' "$role" "$tmp/$name" "$tmp/$name.sock"
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$tmp/$name.conf"
}

overlay_profiles() {
	local name list=()
	for name in "${certified[@]}"; do list+=("${address[$name]}:$supernode_port"); done
	make_profiles "${list[@]}" -- "${certified[@]}" -- "${autos[@]}" "${crowd[@]}"
}

overlay_certified() {
	local name
	for name in "${certified[@]}"; do
		overlay_conf "$name" supernode "listen = {\"${address[$name]}:$supernode_port\"}" "sessions_max = $sessions_max" \
			"election_pace = $pace" 'log_level = debug'
		start_kithd "$name" "$(ns "$name")"
	done
	await_members "${certified[@]}"
}

overlay_autos() {
	local name
	for name in "${autos[@]}"; do
		case $name in
		liar) overlay_conf liar auto "election_pace = $pace" "serve_up_max = $((10 * link_rate))" "serve_down_max = $((10 * link_rate))" ;;
		small) overlay_conf small auto "election_pace = $pace" 'serve_memory_max = 1048576' ;;
		*) overlay_conf "$name" auto "election_pace = $pace" ;;
		esac
		start_kithd "$name" "$(ns "$name")"
	done
}

overlay_crowd_comes() {
	local name
	for name in "${crowd[@]}"; do
		overlay_conf "$name" leaf
		start "$name" "$(ns crowd)" bash -c 'exec "$@" 2>&1' - "$kithd" -c "$tmp/$name.conf"
	done
	for name in "${crowd[@]}"; do wait_for "$name" 0 20 'e["event"] == "started"' >/dev/null; done
}

overlay_crowd_goes() {
	local name
	for name in "${crowd[@]}"; do kill -TERM "${pid_of[$name]}"; done
	for name in "${crowd[@]}"; do await_end "$name" 15; done
}

overlay() {
	python3 "$e2e/lib_overlay.py" "$@"
}

# overlay_mark TEXT: what happens now.
overlay_mark() {
	overlay mark "$tmp" "$1"
}

# overlay_watch: says what changes, and writes it down, until the script ends or stops it. The first mark must have been made.
overlay_watch() {
	python3 "$e2e/lib_overlay.py" watch "$tmp" "${certified[@]}" "${autos[@]}" &
	: >"$tmp/watch.out"
	: >"$tmp/watch.log"
	pid_of[watch]=$!
}

# within SECONDS COMMAND...: until_true whose seconds are such, also where the command takes long.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || fail "not in time: $*"
		sleep 0.3
	done
}

# Which of the candidates serve now.
overlay_elected() {
	local name
	for name in "${autos[@]}"; do
		if is "$name" 'e["serving"]["serves"]' true; then echo "$name"; fi
	done
}
