/* What the application says to serving others, at a real node: role, consent, the machine, and what it is told. */
#include <sys/stat.h>
#include <unistd.h>

#include "host_world.h"

#include <kith/serving.h>

#include "host/internal.h"
#include "link/state.h"

static struct {
	unsigned roles, asked;
	bool serving;
	enum kith_role_reason why;
	unsigned troubles;
	int trouble_err;
	char trouble_why[KITH_WHY_MAX];
} told;

static void on_role(struct kith_node *node, bool serving, enum kith_role_reason why, void *user)
{
	(void)node;
	(void)user;
	told.roles++;
	told.serving = serving;
	told.why = why;
}

static void on_asked(struct kith_node *node, kith_time_us within_us, void *user)
{
	(void)node;
	(void)user;
	assert_true(within_us > 0);
	told.asked++;
}

static void on_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	(void)node;
	(void)user;
	if (what != KITH_TROUBLE_ENDPOINT)
		return;
	told.troubles++;
	told.trouble_err = err;
	(void)snprintf(told.trouble_why, sizeof told.trouble_why, "%s", why);
}

/* A node of role auto in an open network, where everybody may serve. */
static void start(struct party *p, struct world *w, enum kith_consent consent, const char *root)
{
	struct kith_node_options o;
	memset(&told, 0, sizeof told);
	party_options(p, w, "carol", &o);
	o.role = KITH_ROLE_AUTO;
	o.terms.consent = consent;
	o.port = free_port();
	struct kith_addr own = { .family = KITH_FAMILY_V4, .port = o.port, .ip = { 127, 0, 0, 1 } };
	o.endpoints[0] = kith_endpoint_udp(&own);
	o.endpoints_n = 1;
	party_new(p, &o);
	p->node->root = root;
	p->node->cb.role = on_role;
	p->node->cb.trouble = on_trouble;
	p->node->cb.asked = on_asked;
	struct kith_role_info info;
	assert_int_equal(kith_node_role(p->node, &info), KITH_ESTATE);
	assert_int_equal(kith_node_set_role(p->node, &o), KITH_ESTATE);
	assert_int_equal(kith_node_consent(p->node, consent), KITH_ESTATE);
	assert_int_equal(kith_node_start(p->node), 0);
	UNTIL(w, p->started);
	assert_int_equal(p->start_err, 0);
}

/* As a supernode asks that was verified. */
static int ask(struct party *p)
{
	struct kith_core *c = p->node->core;
	int err = kith_office_ask(c->office, kith_node_now(p->node).mono_us, 10 * KITH_US_PER_S);
	kith_core_tick(c, kith_node_now(p->node));
	kith_node_touch(p->node);
	return err;
}

static struct kith_role_info role_of(const struct party *p)
{
	struct kith_role_info info;
	assert_int_equal(kith_node_role(p->node, &info), 0);
	return info;
}

static void the_application_is_told_and_asked(void **state)
{
	struct world w;
	struct party p = { .started = 0 };
	(void)state;
	world_init(&w);
	start(&p, &w, KITH_CONSENT_ASK, "/nowhere");
	assert_int_equal(role_of(&p).why, KITH_ROLE_WHY_NOT_ASKED);
	assert_int_equal(ask(&p), KITH_EAGAIN);
	UNTIL(&w, told.asked == 1);
	assert_int_equal(kith_node_consent(p.node, (enum kith_consent)5), KITH_EINVAL);
	assert_int_equal(kith_node_consent(p.node, KITH_CONSENT_YES), 0);
	assert_int_equal(told.roles, 0); /* nothing is called back from within a call */
	UNTIL(&w, told.roles == 1);
	assert_true(told.serving && told.why == KITH_ROLE_WHY_HELP);
	struct kith_node_info info;
	assert_int_equal(kith_node_info(p.node, &info), 0);
	assert_true(info.serving.serving && info.role == KITH_ROLE_AUTO);
	assert_int_equal(kith_node_consent(p.node, KITH_CONSENT_NO), 0);
	UNTIL(&w, told.roles == 2);
	assert_true(!told.serving && told.why == KITH_ROLE_WHY_REFUSED);
	party_close(&p);
	world_deinit(&w);
}

static void without_anybody_to_ask_the_answer_is_no(void **state)
{
	struct world w;
	struct party p = { .started = 0 };
	(void)state;
	world_init(&w);
	start(&p, &w, KITH_CONSENT_ASK, "/nowhere");
	p.node->cb.asked = NULL;
	assert_int_equal(ask(&p), KITH_EAGAIN);
	UNTIL(&w, role_of(&p).why == KITH_ROLE_WHY_REFUSED);
	assert_int_equal(told.asked, 0);
	party_close(&p);
	world_deinit(&w);
}

static void the_role_is_changed_while_it_runs(void **state)
{
	struct world w;
	struct party p = { .started = 0 };
	struct kith_node_options o;
	(void)state;
	world_init(&w);
	start(&p, &w, KITH_CONSENT_YES, "/nowhere");
	kith_node_options_init(&o);
	o.role = KITH_ROLE_SUPERNODE;
	assert_int_equal(kith_node_set_role(p.node, &o), KITH_EINVAL); /* where? */
	assert_non_null(p.node->power);
	memcpy(o.endpoints, p.node->o.endpoints, sizeof o.endpoints);
	o.endpoints_n = 1;
	assert_int_equal(kith_node_set_role(p.node, &o), 0);
	UNTIL(&w, told.roles == 1);
	assert_true(told.serving && told.why == KITH_ROLE_WHY_CONFIGURED);
	assert_null(p.node->power); /* what the operator says holds whatever the machine runs on */
	o.role = KITH_ROLE_AUTO;
	o.terms.consent = KITH_CONSENT_YES;
	assert_int_equal(kith_node_set_role(p.node, &o), 0);
	assert_non_null(p.node->power);
	o.role = KITH_ROLE_LEAF;
	assert_int_equal(kith_node_set_role(p.node, &o), 0);
	UNTIL(&w, told.roles == 2);
	assert_true(!told.serving && told.why == KITH_ROLE_WHY_LEAF);
	assert_int_equal(kith_node_set_role(NULL, &o), KITH_EINVAL);
	assert_int_equal(kith_node_set_role(p.node, NULL), KITH_EINVAL);
	party_close(&p);
	world_deinit(&w);
}

/* The machine is one of files, on a battery. */
static void a_machine_on_a_battery_does_not_serve_unless_its_operator_says_so(void **state)
{
	static const char *const dirs[] = { "", "/sys", "/sys/class", "/sys/class/power_supply",
					    "/sys/class/power_supply/BAT0" };
	static const char *const files[][2] = { { "type", "Battery\n" }, { "status", "Discharging\n" } };
	struct world w;
	struct party p = { .started = 0 };
	struct kith_node_options o;
	char root[] = "/tmp/kith-role.XXXXXX", path[128];
	(void)state;
	assert_non_null(mkdtemp(root));
	for (size_t i = 1; i < sizeof dirs / sizeof dirs[0]; i++) {
		(void)snprintf(path, sizeof path, "%s%s", root, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%s%s/%s", root, dirs[4], files[i][0]);
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		assert_true(fputs(files[i][1], f) >= 0);
		assert_int_equal(fclose(f), 0);
	}
	world_init(&w);
	start(&p, &w, KITH_CONSENT_YES, root);
	UNTIL(&w, role_of(&p).hindrances == KITH_HINDRANCE_BATTERY);
	assert_int_equal(role_of(&p).why, KITH_ROLE_WHY_BATTERY);
	assert_int_equal(ask(&p), KITH_EACCES);
	kith_node_options_init(&o);
	o.role = KITH_ROLE_AUTO;
	o.terms.consent = KITH_CONSENT_YES;
	o.terms.on_battery = true;
	memcpy(o.endpoints, p.node->o.endpoints, sizeof o.endpoints);
	o.endpoints_n = 1;
	assert_int_equal(kith_node_set_role(p.node, &o), 0);
	assert_int_equal(ask(&p), 0);
	UNTIL(&w, told.roles == 1 && told.serving);
	o.terms.on_battery = false;
	assert_int_equal(kith_node_set_role(p.node, &o), 0);
	UNTIL(&w, told.roles == 2 && !told.serving);
	assert_int_equal(told.why, KITH_ROLE_WHY_BATTERY);
	party_close(&p);
	world_deinit(&w);
	for (size_t i = 2; i > 0; i--) {
		(void)snprintf(path, sizeof path, "%s%s/%s", root, dirs[4], files[i - 1][0]);
		assert_int_equal(unlink(path), 0);
	}
	for (size_t i = sizeof dirs / sizeof dirs[0]; i > 0; i--) {
		(void)snprintf(path, sizeof path, "%s%s", root, dirs[i - 1]);
		assert_int_equal(rmdir(path), 0);
	}
}

static void an_endpoint_that_others_cannot_reach_is_a_trouble_with_its_address(void **state)
{
	struct world w;
	struct party p = { .started = 0 };
	char addr[KITH_ADDR_TEXT_MAX];
	(void)state;
	world_init(&w);
	start(&p, &w, KITH_CONSENT_YES, "/nowhere");
	const struct kith_endpoint *at = &p.node->o.endpoints[0];
	kith_office_tried(p.node->core->office, at, KITH_ETIMEDOUT);
	kith_core_tick(p.node->core, kith_node_now(p.node));
	kith_node_touch(p.node);
	UNTIL(&w, told.troubles == 1);
	assert_int_equal(told.trouble_err, KITH_ETIMEDOUT);
	assert_non_null(strstr(told.trouble_why, kith_addr_format(&at->addr, addr)));
	assert_true(role_of(&p).endpoints[0].failing);
	party_close(&p);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_application_is_told_and_asked),
		cmocka_unit_test(without_anybody_to_ask_the_answer_is_no),
		cmocka_unit_test(the_role_is_changed_while_it_runs),
		cmocka_unit_test(a_machine_on_a_battery_does_not_serve_unless_its_operator_says_so),
		cmocka_unit_test(an_endpoint_that_others_cannot_reach_is_a_trouble_with_its_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
