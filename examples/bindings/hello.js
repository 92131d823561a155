#!/usr/bin/env node
/* hello.js PROFILE [NAME]: as hello.c, and talks with it. Needs koffi (npm install, in this directory) and libkith.so.0.1.
 *
 * The node is driven from here (options.driven), so all callbacks run on JavaScript's own thread; only poll(2) waits on
 * another. No struct of the library is declared: options and callbacks are set by their names, and names are asked for. */
'use strict';

const koffi = require('koffi');

const library = koffi.load('libkith.so.0.1');
const system = koffi.load(null);
const pollfd = koffi.struct('pollfd', { fd: 'int', events: 'short', revents: 'short' });
const poll = system.func('int poll(_Inout_ pollfd *fds, ulong n, int timeout)');
const POLLIN = 1;

const kith = {};
for (const declaration of [
	'const char *kith_strerror(int err)',
	'const char *kith_close_text(uint reason)',
	'void *kith_node_options_new()',
	'void kith_node_options_free(void *options)',
	'int kith_node_options_load(void *options, const char *dir, _Out_ uint8_t *why, size_t cap)',
	'int kith_node_options_set(void *options, const char *name, const char *value)',
	'void *kith_node_callbacks_new()',
	'void kith_node_callbacks_free(void *cb)',
	'int kith_node_callbacks_set(void *cb, const char *name, void *fn)',
	'void *kith_conn_callbacks_new()',
	'int kith_conn_callbacks_set(void *cb, const char *name, void *fn)',
	'int kith_node_new(_Out_ void **node, void *options, void *cb, void *user)',
	'int kith_node_start(void *node)',
	'int kith_node_fd(void *node)',
	'int kith_node_timeout(void *node)',
	'int kith_node_process(void *node)',
	'int kith_node_close(void *node, void *closed)',
	'int kith_node_free(void *node)',
	'int kith_post(void *node, void *fn, void *arg)',
	'const char *kith_node_name(void *node)',
	'int kith_serve(void *node, const char *service)',
	'int kith_watch(void *node, const char *name)',
	'int kith_connect(void *node, const char *name, const char *service, int64_t timeout_us, void *done, void *user, void *out)',
	'int kith_conn_set_callbacks(void *conn, void *cb, void *user)',
	'int kith_conn_accept(void *conn)',
	'int kith_conn_send(void *conn, uint16_t channel, const char *data, size_t len)',
	'const char *kith_conn_name(void *conn)',
])
	kith[declaration.match(/kith_\w+/)[0].slice(5)] = library.func(declaration);

/* As in <kith/node.h> and <kith/session.h>; a pointer to what is not looked at is a void *. */
const kinds = {};
for (const declaration of [
	'void started(void *node, int err, const char *why, void *user)',
	'void attached(void *node, uint homes, void *user)',
	'void incoming(void *node, void *conn, void *who, void *user)',
	'void presence(void *node, const char *name, bool online, void *user)',
	'void connected(void *call, int err, void *conn, void *user)',
	'void datagram(void *conn, uint16_t channel, void *data, size_t len, void *user)',
	'void closed(void *conn, int reason, bool remote, void *user)',
	'void posted(void *node, void *arg)',
])
	kinds[declaration.match(/void (\w+)/)[1]] = koffi.pointer(koffi.proto(declaration));

const callback = (kind, fn) => koffi.register(fn, kinds[kind]);

function check(err, what) {
	if (err !== 0)
		throw new Error(`${what}: ${kith.strerror(err)}`);
}

function callbacks(make, set, functions) {
	const cb = make();
	for (const [kind, fn] of Object.entries(functions))
		check(set(cb, kind, callback(kind, fn)), kind);
	return cb;
}

const [profile, name] = process.argv.slice(2);
if (profile === undefined) {
	console.error('usage: hello.js PROFILE [NAME]');
	process.exit(1);
}

const connCallbacks = callbacks(kith.conn_callbacks_new, kith.conn_callbacks_set, {
	datagram(conn, channel, data, len) {
		const text = Buffer.from(koffi.decode(data, koffi.array('uint8_t', len))).toString();
		console.log(`${kith.conn_name(conn)} says: ${text}`);
		if (text === 'hello')
			check(kith.conn_send(conn, channel, 'hello yourself', 14), 'cannot answer');
	},
	closed(conn, reason, remote) {
		console.log(`the session is over: ${kith.close_text(reason)}${remote ? ', by the other side' : ''}`);
	},
});

const connected = callback('connected', (call, err, conn) => {
	if (err !== 0) {
		console.log(`cannot reach ${name}: ${kith.strerror(err)}`);
		return;
	}
	kith.conn_set_callbacks(conn, connCallbacks, null);
	check(kith.conn_send(conn, 0, 'hello', 5), 'cannot say hello');
});

const nodeCallbacks = callbacks(kith.node_callbacks_new, kith.node_callbacks_set, {
	started(node, err, why) {
		if (err === 0) {
			console.log(`this is ${kith.node_name(node)}`);
			err = name !== undefined ? kith.watch(node, name) : 0;
			why = kith.strerror(err);
		}
		if (err !== 0) {
			console.log(`cannot start: ${why}`);
			process.exitCode = 1;
			kith.node_close(node, null);
		}
	},
	attached(node, homes) {
		console.log(`attached to ${homes} supernode(s)`);
	},
	incoming(node, conn) {
		console.log(`${kith.conn_name(conn)} calls`);
		kith.conn_set_callbacks(conn, connCallbacks, null);
		kith.conn_accept(conn);
	},
	presence(node, who, online) {
		console.log(`${who} is ${online ? 'online' : 'offline'}`);
		if (online)
			check(kith.connect(node, who, 'hello', 0, connected, null, null), 'cannot call');
	},
});

const leave = callback('posted', (node) => {
	console.log('leaving');
	kith.node_close(node, null);
});

/* Waits on a thread of the pool until there is something to do. */
function wait(node) {
	const fds = { fd: kith.node_fd(node), events: POLLIN, revents: 0 };
	return new Promise((resolve, reject) =>
		poll.async(fds, 1, kith.node_timeout(node), (err) => (err ? reject(err) : resolve())));
}

async function main() {
	const options = kith.node_options_new(), why = Buffer.alloc(512), out = [null];
	if (kith.node_options_load(options, profile, why, why.length) !== 0)
		throw new Error(why.toString('utf8', 0, why.indexOf(0)));
	check(kith.node_options_set(options, 'driven', 'true'), 'driven');
	check(kith.node_new(out, options, nodeCallbacks, null), profile);
	kith.node_options_free(options);
	const node = out[0];
	check(kith.serve(node, 'hello'), 'serve');
	check(kith.node_start(node), 'start');
	process.on('SIGINT', () => kith.post(node, leave, null)); /* which ends the wait */
	while (kith.node_process(node) === 0)
		await wait(node);
	check(kith.node_free(node), 'free');
	process.exit();
}

main().catch((err) => {
	console.error(`hello.js: ${err.message}`);
	process.exit(1);
});
