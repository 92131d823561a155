#!/usr/bin/env bash
# Behind walls that let nothing through but TLS to port 443, where web servers answer: nginx and haproxy, with supernodes behind
# them, and a supernode with a certificate of its own. Who knows their URLs joins, is found and is called, and data goes both ways,
# through a proxy that knows CONNECT, too; not much later than by UDP. Who asks them as web servers sees web servers. Certificates
# that are not to be trusted, and configurations that cannot be, are said clearly.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
if [ ! -e "$KITH_BUILD_DIR/lib/kith/kith-web.so" ]; then
	echo "skipped: built without kith-web.so"
	exit 77
fi
need_root
net_up

# Names for the three, as hosts see them.
etc_down() {
	local name
	for name in "${nets[@]}"; do rm -rf "/etc/netns/$net-$name"; done
}
cleaners+=(etc_down)
for name in "${nets[@]}"; do
	mkdir -p "/etc/netns/$net-$name"
	printf '%s\n' "127.0.0.1 localhost" "${address[s1]} one.example" "${address[s2]} two.example" "${address[s3]} three.example" \
		>"/etc/netns/$net-$name/hosts"
done

# An authority, and a certificate of it for each; one that nobody signed.
certify() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$1" -keyout "$tmp/$1.key" \
		-out "$tmp/$1.pem" "${@:2}" 2>/dev/null
}
certify authority -addext basicConstraints=critical,CA:TRUE
for name in one two three; do
	certify "$name.example" -CA "$tmp/authority.pem" -CAkey "$tmp/authority.key" -addext "subjectAltName=DNS:$name.example"
done
cat "$tmp/two.example.pem" "$tmp/two.example.key" >"$tmp/two.both"

# The configurations of an operator; for nginx and its supernode, what README says.
mkdir "$tmp/readme"
python3 "$e2e/../install/blocks.py" "$e2e/../../README.md" "For operators" "$tmp/readme"
cat >"$tmp/nginx.conf" <<END
daemon off;
pid $tmp/nginx.pid;
error_log $tmp/nginx.errors;
events { }
http {
	access_log $tmp/nginx.access;
	server {
		listen 443 ssl;
		server_name one.example;
		ssl_certificate $tmp/one.example.pem;
		ssl_certificate_key $tmp/one.example.key;
		include $tmp/readme/6.nginx;
	}
}
END
cat >"$tmp/haproxy.cfg" <<END
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
	timeout tunnel 1h
frontend web
	bind :443 ssl crt $tmp/two.both
	option forwardfor
	default_backend kith
backend kith
	server kithd 127.0.0.1:8080
END

make_profiles "${address[s1]}:$supernode_port" "${address[s2]}:$supernode_port" "${address[s3]}:$supernode_port" -- s1 s2 s3 -- alice bob
supernode_conf s1 "${address[s1]}:$supernode_port" "$(cat "$tmp/readme/7.conf")"
supernode_conf s2 "${address[s2]}:$supernode_port" 'web_listen = "127.0.0.1:8080"'
supernode_conf s3 "${address[s3]}:$supernode_port" "web_listen = \"${address[s3]}:443\"" "web_certificate = \"$tmp/three.example.pem\"" \
	"web_key = \"$tmp/three.example.key\""
for name in s1 s2 s3; do start_kithd "$name" "$(ns "$name")"; done
await_members s1 s2 s3
chmod 755 "$tmp" # nginx's workers are nobody's
start nginx "$(ns s1)" nginx -c "$tmp/nginx.conf"
start haproxy "$(ns s2)" haproxy -db -f "$tmp/haproxy.cfg"
answers() {
	in_ns "$1" ss -Hltn "sport = :443" | grep -q .
}
until_true 10 answers s1
until_true 10 answers s2
until_true 10 answers s3

# wall ROUTER: nothing but TCP to port 443 gets out.
wall() {
	in_ns "$1" nft add chain ip kith wall '{ type filter hook forward priority filter - 1; policy accept; }'
	in_ns "$1" nft add rule ip kith wall iifname lan tcp dport 443 accept
	in_ns "$1" nft add rule ip kith wall iifname lan drop
}

# Both come, with nothing that they remember, find and call each other, and data goes both ways. In $took: how many ms the slower
# one needed until others could find it. More options for alice's program.
took=0
joins() {
	local name at ms more=()
	took=0
	for name in bob alice; do
		rm -rf "$tmp/$name/state"
		start "$name" "$(ns "$name")" "$peer" --profile "$tmp/$name" --trust "$tmp/authority.pem" "${more[@]}"
		more=("$@")
		at=$(wait_for "$name" 0 10 'e["event"] == "started"' | value 'e["at"]')
		ms=$(wait_for "$name" 0 15 'e["event"] == "published"' | value "round(e['at'] - $at)")
		[ "$ms" -le "$took" ] || took=$ms
	done
	call_both_ways alice bob
}

part() {
	stop alice
	stop bob
}

joins
open=$took
part
echo "UDP gets through: found after $open ms"

# ---- nothing but TLS ----

urls=("wss://one.example/chat" "wss://two.example" "wss://three.example/ws")
# knows NAME [LINE...]: its bootstrap hosts.
knows() {
	printf '%s\n' "${@:2}" >"$tmp/$1/bootstrap"
	rm -rf "$tmp/$1/state"
}

# by_tls: all of alice's paths are.
by_tls() {
	say alice paths
	wait_for alice 0 5 'e["event"] == "paths"' >"$tmp/paths"
	[ "$(value 'all(p["carrier"] == "tls" for p in e["paths"])' <"$tmp/paths")" = true ] ||
		fail "$1: a path is not by TLS: $(cat "$tmp/paths")"
	no_event alice 0 'e["event"] == "trouble"'
	wait_for alice 0 15 'e["event"] == "attached" and e["homes"] == 3' >/dev/null
}

behind() {
	joins "${@:2}"
	[ "$took" -le $((open + 2000)) ] || fail "$1: found after $took ms, $open ms without a wall"
	by_tls "$1"
	echo "$1: found after $took ms, $((took - open)) ms more"
}

wall ra
wall rb
knows alice "${urls[@]}"
knows bob "${urls[@]}"
behind "nothing but TLS to port 443 at both ends"
explains() {
	say alice explain
	grep -q "you are connected by TLS, as to a web server, only" "$tmp/alice.out"
}
until_true 20 explains # while a direct path is tried, that is what it says
part

# One URL is enough for a home; the callee's are others'.
knows alice "${urls[0]}"
knows bob "${urls[2]}"
joins
echo "one URL each, of different supernodes: found after $took ms"
part

# By UDP, by TCP, or by a URL: what gets through is found.
for name in alice bob; do
	knows "$name" "${address[s1]}:$supernode_port" "${urls[0]}" "${address[s2]}:$supernode_port" "${urls[1]}" \
		"${address[s3]}:$supernode_port" "${urls[2]}"
done
joins
[ "$took" -le $((open + 1000)) ] || fail "addresses and URLs: found after $took ms, $open ms without a wall"
echo "addresses and URLs: found after $took ms"
part

# A proxy that knows CONNECT, and nothing else out.
cat >"$tmp/tinyproxy.conf" <<END
Port 8888
Listen 192.168.1.1
Timeout 600
ConnectPort 443
LogLevel Warning
END
in_ns ra nft flush chain ip kith wall
in_ns ra nft add rule ip kith wall iifname lan drop
start tinyproxy "$(ns ra)" tinyproxy -d -c "$tmp/tinyproxy.conf"
proxy_listens() {
	in_ns ra ss -Hltn "sport = :8888" | grep -q .
}
until_true 10 proxy_listens
knows alice "${urls[@]}"
knows bob "${urls[@]}"
behind "through a proxy" --proxy http://192.168.1.1:8888
part
stop tinyproxy

# A leaf of kithd's, and what it says of itself.
in_ns ra nft flush chain ip kith wall
in_ns ra nft add rule ip kith wall iifname lan tcp dport 443 accept
in_ns ra nft add rule ip kith wall iifname lan drop
cat >"$tmp/alice.conf" <<END
role = leaf
profile = "$tmp/alice"
control = "$tmp/alice.sock"
web_trust = "$tmp/authority.pem"
log_format = json
END
knows alice "${urls[@]}"
start_kithd alice "$(ns alice)"
has_homes() {
	"$kith" status --socket "$tmp/alice.sock" >"$tmp/said" && [ "$(grep -c '^home: .* over TLS, as a web server' "$tmp/said")" = 3 ]
}
until_true 15 has_homes
stop alice

# ---- as a web server ----

# asks NS URL STATUS [MORE...]: curl sees a web server that answers so, and nothing of ours.
asks() {
	local status
	status=$(in_ns "$1" curl -s --max-time 10 --http1.1 --cacert "$tmp/authority.pem" -D "$tmp/head" -o "$tmp/body" -w '%{http_code}' "${@:4}" "$2") ||
		fail "curl $2: $?"
	[ "$status" = "$3" ] || fail "curl $2: $status instead of $3"
	! grep -qi 'kith' "$tmp/head" "$tmp/body" || fail "curl $2: $(cat "$tmp/head" "$tmp/body")"
}
upgrade=(-H "Connection: Upgrade" -H "Upgrade: websocket" -H "Sec-WebSocket-Version: 13" -H "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
for url in https://two.example https://three.example; do
	asks s1 "$url/" 200
	grep -q "<h1>It works!</h1>" "$tmp/body" || fail "$url/: $(cat "$tmp/body")"
	asks s1 "$url/" 200 -I
	asks s1 "$url/any?thing=1" 404
	asks s1 "$url/ws" 404
	asks s1 "$url/other" 404 "${upgrade[@]}"
	asks s1 "$url/ws" 405 -d 'x=1'
	[ "$(in_ns s1 curl -s --max-time 1 --http1.1 --cacert "$tmp/authority.pem" "${upgrade[@]}" -o "$tmp/body" -w '%{http_code}' "$url/ws" || true)" = 101 ] ||
		fail "$url/ws opens no WebSocket"
done
asks s2 https://one.example/chat 404
asks s2 https://one.example/chat/more 404 "${upgrade[@]}"
echo "curl sees web servers"

# Who speaks our protocol over plain TCP to these ports gets nothing of it; nor who says nothing.
for name in s1 s2 s3; do
	in_ns alice python3 - "${address[$name]}" >"$tmp/heard" <<'END' || fail "plain TCP to $name: $(cat "$tmp/heard")"
import socket, sys
for said in (b"\x04\xb0" + b"\x10" + bytes(1199), b""):
    s = socket.create_connection((sys.argv[1], 443), 5)
    s.settimeout(60 if said else 1)
    heard = b""
    try:
        s.sendall(said)
        while True:
            part = s.recv(4096)
            if not part:
                break
            heard += part
    except (socket.timeout, ConnectionResetError):
        pass
    print(heard)
    # A TLS alert, or an HTTP error of those in front.
    if heard and heard[0] != 0x15 and not heard.startswith(b"HTTP/1.1 400"):
        sys.exit(1)
END
done
echo "plain TCP gets nothing"

# ---- what is wrong is said ----

# told TEXT [OPTION...]: alice does not join, and says why.
told() {
	start alice "$(ns alice)" "$peer" --profile "$tmp/alice" "${@:2}"
	wait_for alice 0 10 "e['event'] == 'trouble' and '$1' in e['why']" >/dev/null
	no_event alice 0 'e["event"] == "attached"'
	stop alice
}
knows alice "${urls[2]}"
told 'wss://three.example/ws: unable to get local issuer certificate; if it is right, name its file by web_trust'
knows alice "wss://one.example/wrong"
told 'wss://one.example/wrong: it answers 404: is the path of the URL right?' --trust "$tmp/authority.pem"
knows alice "wss://${address[s3]}/ws"
told "wss://${address[s3]}/ws: IP address mismatch" --trust "$tmp/authority.pem"
rm -rf "$tmp/alice/state"
start alice "$(ns alice)" "$peer" --profile "$tmp/alice" --trust any
wait_for alice 0 10 'e["event"] == "attached"' >/dev/null
stop alice
mkdir "$tmp/empty"
knows alice "${urls[0]}" "${address[s1]}:$supernode_port"
export KITH_COMPONENT_PATH=$tmp/empty
told 'the component kith-web.so is not installed'
sed '/^stun/d;/^control/d;s/4433/4434/g' "$tmp/s1.conf" >"$tmp/other.conf"
ends 3 'no WebSockets: the component kith-web.so is not installed' ip netns exec "$(ns s1)" "$kithd" -c "$tmp/other.conf"
unset KITH_COMPONENT_PATH

# refused LINE TEXT: as the second line of a supernode's configuration.
refused() {
	printf 'role = supernode\n%b\nprofile = "%s"\nlisten = "%s:9"\n' "$1" "$tmp/s1" "${address[s1]}" >"$tmp/wrong.conf"
	ends 2 "$2" "$kithd" -c "$tmp/wrong.conf"
}
refused 'web_listen = "8080"' 'wrong.conf:2: web_listen: found "8080"; expected an address and a port, such as "127.0.0.1:8080"'
refused 'web_path = "/ws"' 'wrong.conf:2: web_path: has no effect without web_listen'
refused "web_listen = \"127.0.0.1:8080\"\nweb_path = \"ws\"" 'wrong.conf:3: web_path: found "ws"; expected a path'
refused "web_listen = \"0.0.0.0:443\"\nweb_certificate = \"/nowhere\"" 'wrong.conf:3: web_certificate: found "/nowhere"; expected a file that is there'
refused "web_listen = \"0.0.0.0:443\"\nweb_certificate = \"$tmp/nginx.conf\"" 'expected a file in PEM'
refused "web_listen = \"0.0.0.0:443\"\nweb_certificate = \"$tmp/authority.pem\"" 'wrong.conf:3: web_key: missing; expected both web_certificate and web_key'
refused 'web_listen = "127.0.0.1:8080"\ntcp = no' 'wrong.conf:2: web_listen: WebSockets are connections of TCP'
refused 'bootstrap = {"wss://host:x/ws"}' 'wrong.conf:2: bootstrap: found "wss://host:x/ws"; expected'
refused 'web_trust = "some"' 'wrong.conf:2: web_trust: found "some"; expected "any", or a file in PEM'
echo "what is wrong is said"
echo "PASS"
