/* Components: found where they should be, of the right version, or refused in words. */
#include "host_world.h"

#include "super/super.h"

static void point_at(const char *dir)
{
	assert_int_equal(setenv(KITH_COMPONENT_PATH_ENV, dir, 1), 0);
}

static void one_that_is_not_there_is_named(void **state)
{
	struct kith_component_file file = { .component = NULL };
	char why[KITH_HOST_WHY_MAX];
	(void)state;
	point_at("/nonexistent");
	assert_int_equal(kith_component_load(&file, "stun", why, sizeof why), KITH_ENOTSUP);
	assert_non_null(strstr(why, "kith-stun.so"));
	assert_null(file.component);
	kith_component_unload(&file);
	/* Beside this program there is none either. */
	assert_int_equal(unsetenv(KITH_COMPONENT_PATH_ENV), 0);
	assert_int_equal(kith_component_load(&file, "stun", why, sizeof why), KITH_ENOTSUP);
}

static void one_of_another_version_is_refused(void **state)
{
	struct kith_component_file file = { .component = NULL };
	char why[KITH_HOST_WHY_MAX];
	(void)state;
	point_at(KITH_OLD_COMPONENTS);
	assert_int_equal(kith_component_load(&file, "old", why, sizeof why), KITH_ENOTSUP);
	assert_non_null(strstr(why, "0.0.0"));
	assert_null(file.component);
}

static void a_file_that_is_no_component_is_refused(void **state)
{
	struct world w;
	struct kith_component_file file = { .component = NULL };
	char path[96], why[KITH_HOST_WHY_MAX];
	(void)state;
	world_init(&w);
	point_at(w.dir);
	(void)snprintf(path, sizeof path, "%s/kith-text.so", w.dir);
	FILE *text = fopen(path, "w");
	assert_non_null(text);
	assert_int_equal(fclose(text), 0);
	assert_int_equal(kith_component_load(&file, "text", why, sizeof why), KITH_ENOTSUP);
	assert_non_null(strstr(why, "kith-text.so"));
	world_deinit(&w);
}

static void one_is_loaded_once_and_again(void **state)
{
	struct kith_component_file file = { .component = NULL };
	char why[KITH_HOST_WHY_MAX];
	(void)state;
	if (!KITH_HAS_STUN)
		skip();
	point_at(KITH_COMPONENTS);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kith_component_load(&file, "stun", why, sizeof why), 0);
		assert_non_null(file.component->table);
		assert_int_equal(kith_component_load(&file, "stun", why, sizeof why), 0);
		kith_component_unload(&file);
		assert_null(file.component);
	}
}

static void on_why(struct kith_node *node, int err, const char *why, void *user)
{
	struct party *p = user;
	(void)node;
	p->started++;
	p->start_err = err;
	assert_non_null(strstr(why, "kith-stun.so"));
}

static void a_node_without_its_component_does_not_start(void **state)
{
	struct world w;
	struct party p;
	struct kith_node_options o;
	(void)state;
	world_init(&w);
	party_options(&p, &w, "s", &o);
	o.role = KITH_ROLE_SUPERNODE;
	o.stun = true;
	party_new(&p, &o);
	p.node->cb.started = on_why;
	point_at("/nonexistent");
	assert_int_equal(kith_node_start(p.node), 0);
	UNTIL(&w, p.started);
	assert_int_equal(p.start_err, KITH_ENOTSUP);
	party_close(&p);
	world_deinit(&w);
}

static void a_node_that_runs_is_not_changed_without_it(void **state)
{
	struct world w;
	struct party home;
	struct kith_node_options o;
	(void)state;
	world_init(&w);
	(void)supernode_init(&home, &w);
	kith_node_options_init(&o);
	assert_int_equal(kith_node_adjust(home.node, &o), 0);
	assert_null(home.node->stun);
	point_at("/nonexistent");
	o.stun = true;
	o.relay_rate = 5000;
	assert_int_equal(kith_node_adjust(home.node, &o), KITH_ENOTSUP);
	assert_null(home.node->stun);
	assert_int_equal(home.node->core->super->fwd.limits.rate, 12500000); /* the default */
	party_close(&home);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_not_there_is_named),
		cmocka_unit_test(one_of_another_version_is_refused),
		cmocka_unit_test(a_file_that_is_no_component_is_refused),
		cmocka_unit_test(one_is_loaded_once_and_again),
		cmocka_unit_test(a_node_without_its_component_does_not_start),
		cmocka_unit_test(a_node_that_runs_is_not_changed_without_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
