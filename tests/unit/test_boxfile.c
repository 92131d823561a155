/* A file of links and NATs: what it says is what the box has, and what is wrong is told with its line. */
#include "natlab/boxfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support.h"

/* Reads a text as a file. */
static int read_text(struct kith_boxfile *f, struct test_alloc *mem, const char *text, char why[512])
{
	char path[] = "/tmp/kith-boxfile.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	test_alloc_init(mem);
	int err = kith_boxfile_read(f, &mem->alloc, 1, 6, path, why, 512);
	unlink(path);
	return err;
}

static void links_and_nats_are_as_the_file_says(void **state)
{
	static struct kith_boxfile f;
	struct test_alloc mem;
	char why[512] = "";
	(void)state;
	int err =
		read_text(&f, &mem,
			  "# a comment\n\n"
			  "nat home at=61.1.0.1 symmetric-sequential step=3 hairpin=yes timeout=20 ports=2000-3000 "
			  "mapping=address filtering=independent entries=64\n"
			  "link a netns=n1 dev=eth0 net=192.168.1.2/32 nat=home delay=1.5 loss=0.1 rate=1000 queue=9\n"
			  "link b netns=n2 dev=wan net=11.1.0.1/32,2a00::1/64\n",
			  why);
	assert_string_equal(why, "");
	assert_int_equal(err, 0);
	assert_int_equal(f.links_n, 2);
	assert_int_equal(kith_boxfile_find_link(&f, "b"), 1);
	assert_true(kith_boxfile_find_link(&f, "c") < 0);
	assert_int_equal(kith_boxfile_find_nat(&f, "home"), 0);
	assert_string_equal(f.links[1].netns, "n2");
	assert_string_equal(f.links[1].device, "wan");
	const struct kith_nat_options *o = kith_box_nat(f.box, 0)->options;
	assert_int_equal(o->sequential_step, 3);
	assert_true(o->hairpin);
	assert_int_equal(o->timeout_us, 20 * KITH_US_PER_S);
	assert_int_equal(o->port_min, 2000);
	assert_int_equal(o->port_max, 3000);
	assert_int_equal(o->mapping, KITH_NAT_ADDRESS);
	assert_int_equal(o->filtering, KITH_NAT_INDEPENDENT);
	assert_int_equal(o->entries_max, 64);
	kith_box_free(f.box);
	test_alloc_check(&mem);
}

#define LINK "link a netns=n dev=d net=1.2.3.4/32"

static void what_is_wrong_is_told(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "lines with links" },
		{ "router x\n", ":1: found \"router\"; expected nat or link" },
		{ "nat a\n", "at=ADDRESS" },
		{ "nat a at=2a00::1 full-cone\n", "IPv4" },
		{ "nat a at=1.2.3.4 conical\n", "a kind of NAT" },
		{ "nat a at=1.2.3.4 full-cone step=0\n", "contradict" },
		{ "nat a at=1.2.3.4 full-cone step=70000\n", "too large" },
		{ "nat a at=1.2.3.4 full-cone steps=1\n", "found \"steps\"" },
		{ "nat a at=1.2.3.4 full-cone hairpin=maybe\n", "found \"maybe\"; expected yes or no" },
		{ "nat a at=1.2.3.4 full-cone ports=7\n", "ports=LOW-HIGH" },
		{ "nat a at=1.2.3.4 full-cone mapping=none\n", "independent, address or address-port" },
		{ "nat a at=1.2.3.4 full-cone hairpin\n", "KEY=VALUE" },
		{ "nat a at=1.2.3.4 full-cone\nnat a at=1.2.3.4 full-cone\n", ":2: found \"a\"" },
		{ "link a netns=n dev=d\n", "netns, dev and net" },
		{ "link a netns=n dev=d net=1.2.3.4\n", "prefixes" },
		{ "link a netns=n dev=d net=1.2.3.4/33\n", "prefixes" },
		{ LINK " nat=x\n", "a NAT in a line above" },
		{ LINK " loss=2\n", "a share from 0 to 1" },
		{ LINK " delay=-1\n", "too large" },
		{ LINK " speed=1\n", "found \"speed\"" },
		{ LINK "\n" LINK "\n", ":2: found \"a\"; expected a name that no other link has" },
	};
	static struct kith_boxfile f;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct test_alloc mem;
		char why[512] = "";
		assert_int_not_equal(read_text(&f, &mem, cases[i].text, why), 0);
		if (strstr(why, cases[i].why) == NULL)
			fail_msg("%s says %s", cases[i].text, why);
		assert_null(f.box);
		test_alloc_check(&mem);
	}
}

static void a_file_that_is_not_there_is_told(void **state)
{
	static struct kith_boxfile f;
	struct test_alloc mem;
	char why[512];
	(void)state;
	test_alloc_init(&mem);
	assert_int_not_equal(kith_boxfile_read(&f, &mem.alloc, 1, 6, "/nowhere/box", why, sizeof why), 0);
	assert_non_null(strstr(why, "/nowhere/box: "));
}

static void ways_are_told_in_words(void **state)
{
	static struct kith_boxfile f;
	static const struct {
		const char *words, *why; /* "": it is good */
	} cases[] = {
		{ "a b", "" },
		{ "a b cut=yes loss=0.3 delay=380 reorder=0.2 late=30 most=1028", "" },
		{ "a", "found \"\"; expected the name of a link" },
		{ "a c", "found \"c\"; expected the name of a link" },
		{ "a b cut", "found \"cut\"; expected KEY=VALUE" },
		{ "a b cut=1", "found \"1\"; expected yes or no" },
		{ "a b loss=30", "found \"30\"; expected a share from 0 to 1" },
		{ "a b delay=x", "found \"x\"; expected a number that is not too large" },
		{ "a b slow=1", "found \"slow\"; expected cut, loss, reorder, delay, late or most" },
	};
	struct test_alloc mem;
	char why[512] = "";
	(void)state;
	assert_int_equal(read_text(&f, &mem,
				   "link a netns=n dev=d net=1.2.3.4/32\n"
				   "link b netns=n dev=e net=1.2.3.5/32\n",
				   why),
			 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char words[128];
		snprintf(words, sizeof words, "%s", cases[i].words);
		why[0] = '\0';
		int err = kith_boxfile_set_way(&f, words, why, sizeof why);
		assert_string_equal(why, cases[i].why);
		assert_int_equal(err == 0, cases[i].why[0] == '\0');
	}
	kith_box_free(f.box);
	test_alloc_check(&mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_and_nats_are_as_the_file_says),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(a_file_that_is_not_there_is_told),
		cmocka_unit_test(ways_are_told_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
