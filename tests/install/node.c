/* A leaf, or a supernode that answers STUN, of an open network on the loopback interface: it starts, and ends. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include <kith/kith.h>

static int outcome = 1;

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	outcome = err != 0;
	if (err != 0)
		fprintf(stderr, "%s: %s\n", kith_err_name(err), why);
	(void)kith_node_close(node, NULL);
	(void)user;
}

int main(int argc, char **argv) /* node [leaf|stun] */
{
	char dir[] = "/tmp/kith-node-XXXXXX", profile[64], command[64], name[KITH_NAME_MAX + 1];
	struct kith_node_callbacks cb;
	struct kith_node_options o;
	struct kith_node *node;
	if (argc == 1)
		return 0; /* for the time that loading takes */
	if (mkdtemp(dir) == NULL)
		return 2;
	(void)snprintf(profile, sizeof profile, "%s/profile", dir);
	kith_node_options_init(&o);
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	if (kith_profile_create_open(profile, "weight", NULL, 0, name) == 0 &&
	    kith_node_options_load(&o, profile, NULL, 0) == 0) {
		o.loop = uv_default_loop();
		o.allow_loopback = true;
		o.leave_us = 0;
		if (strcmp(argv[1], "stun") == 0) {
			o.role = KITH_ROLE_SUPERNODE;
			o.stun = true;
			o.endpoints[0].kind = KITH_TRANSPORT_UDP;
			o.endpoints_n = kith_addr_parse(&o.endpoints[0].addr, "127.0.0.1:9") == 0;
		}
		if (kith_node_new(&node, &o, &cb, NULL) == 0 && kith_node_start(node) == 0) {
			(void)uv_run(o.loop, UV_RUN_DEFAULT);
			(void)kith_node_free(node);
		}
	}
	kith_node_options_deinit(&o);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command) != 0 ? 2 : outcome;
}
