/* What the application says to serving others, at a real node: role, consent, and what it is told. */
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
static void start(struct party *p, struct world *w, enum kith_consent consent)
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
	start(&p, &w, KITH_CONSENT_ASK);
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
	start(&p, &w, KITH_CONSENT_ASK);
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
	start(&p, &w, KITH_CONSENT_YES);
	kith_node_options_init(&o);
	o.role = KITH_ROLE_SUPERNODE;
	assert_int_equal(kith_node_set_role(p.node, &o), KITH_EINVAL); /* where? */
	memcpy(o.endpoints, p.node->o.endpoints, sizeof o.endpoints);
	o.endpoints_n = 1;
	assert_int_equal(kith_node_set_role(p.node, &o), 0);
	UNTIL(&w, told.roles == 1);
	assert_true(told.serving && told.why == KITH_ROLE_WHY_CONFIGURED);
	o.role = KITH_ROLE_AUTO;
	o.terms.consent = KITH_CONSENT_YES;
	assert_int_equal(kith_node_set_role(p.node, &o), 0);
	o.role = KITH_ROLE_LEAF;
	assert_int_equal(kith_node_set_role(p.node, &o), 0);
	UNTIL(&w, told.roles == 2);
	assert_true(!told.serving && told.why == KITH_ROLE_WHY_LEAF);
	assert_int_equal(kith_node_set_role(NULL, &o), KITH_EINVAL);
	assert_int_equal(kith_node_set_role(p.node, NULL), KITH_EINVAL);
	party_close(&p);
	world_deinit(&w);
}

static void an_endpoint_that_others_cannot_reach_is_a_trouble_with_its_address(void **state)
{
	struct world w;
	struct party p = { .started = 0 };
	char addr[KITH_ADDR_TEXT_MAX];
	(void)state;
	world_init(&w);
	start(&p, &w, KITH_CONSENT_YES);
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
		cmocka_unit_test(an_endpoint_that_others_cannot_reach_is_a_trouble_with_its_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
