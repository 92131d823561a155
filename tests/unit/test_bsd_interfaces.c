/* The routing socket of BSDs and macOS, with declarations like theirs: what is a sign of a change, and which message is
 * the answer. Addresses are not looked at, since here they begin otherwise. */
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

/* What is used of <net/route.h>, <net/if.h> and <net/if_dl.h>, as route(4) describes it. */
enum { AF_LINK = 18, RTM_VERSION = 5, RTA_DST = 1, RTA_IFP = 16 };
enum { RTAX_GATEWAY = 1, RTAX_IFA = 5, RTAX_MAX = 8, RTF_HOST = 4 };
enum { RTM_ADD = 1, RTM_DELETE, RTM_CHANGE, RTM_GET, RTM_LOSING, RTM_NEWADDR = 12, RTM_DELADDR, RTM_IFINFO };

struct rt_msghdr {
	unsigned short rtm_msglen;
	unsigned char rtm_version, rtm_type;
	unsigned short rtm_index;
	int rtm_flags, rtm_addrs;
	pid_t rtm_pid;
	int rtm_seq, rtm_errno;
	unsigned long rtm_metrics[15];
};

struct if_msghdr {
	unsigned short ifm_msglen;
	unsigned char ifm_version, ifm_type;
	int ifm_addrs, ifm_flags;
	unsigned short ifm_index;
};

struct sockaddr_dl {
	unsigned char sdl_len, sdl_family;
	unsigned short sdl_index;
	char sdl_data[16];
};

#define KITH_ROUTING_SOCKET
#include "../../lib/host/bsd_interfaces.c"

enum { OURS = 3, ANOTHER = 4 };

struct fixture {
	int ends[2];
	struct kith_interfaces last;
};

static void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	f->last.out_v4.interface = OURS;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, f->ends), 0);
}

static void fixture_deinit(struct fixture *f)
{
	close(f->ends[0]);
	close(f->ends[1]);
}

static void say(struct fixture *f, const void *message, size_t len)
{
	assert_int_equal(send(f->ends[1], message, len, 0), len);
}

static void say_route(struct fixture *f, unsigned char type, int flags)
{
	struct rt_msghdr h = { .rtm_version = RTM_VERSION, .rtm_type = type, .rtm_flags = flags };
	say(f, &h, sizeof h);
}

static void say_link(struct fixture *f, unsigned short index, int flags)
{
	struct if_msghdr h = {
		.ifm_version = RTM_VERSION, .ifm_type = RTM_IFINFO, .ifm_index = index, .ifm_flags = flags
	};
	say(f, &h, sizeof h);
}

/* Whether what was said since the last time is a sign; all of it is taken. */
static bool sign(struct fixture *f, bool *flapped)
{
	uint8_t rest;
	*flapped = false;
	bool is = kith_interfaces_sys_read(f->ends[0], &f->last, flapped);
	assert_true(recv(f->ends[0], &rest, 1, 0) < 0);
	return is;
}

static void routes_to_networks_and_addresses_are_signs(void **state)
{
	struct fixture f;
	bool flapped;
	(void)state;
	fixture_init(&f);
	assert_false(sign(&f, &flapped));
	for (unsigned char type = RTM_ADD; type <= RTM_CHANGE; type++) {
		say_route(&f, type, 0);
		assert_true(sign(&f, &flapped));
		say_route(&f, type, RTF_HOST); /* a neighbour */
		assert_false(sign(&f, &flapped));
	}
	for (unsigned char type = RTM_NEWADDR; type <= RTM_DELADDR; type++) {
		say_route(&f, type, 0);
		say_route(&f, RTM_LOSING, 0); /* the last one says nothing, the first one did */
		assert_true(sign(&f, &flapped) && !flapped);
	}
	fixture_deinit(&f);
}

/* Each look asks, and everybody hears the answer: a sign in it would be a loop. */
static void answers_and_what_is_not_understood_are_no_signs(void **state)
{
	struct fixture f;
	struct rt_msghdr other = { .rtm_version = RTM_VERSION + 1, .rtm_type = RTM_ADD };
	struct rt_msghdr cut = { .rtm_version = RTM_VERSION, .rtm_type = RTM_ADD };
	bool flapped;
	(void)state;
	fixture_init(&f);
	say_route(&f, RTM_GET, 0);
	say_route(&f, RTM_LOSING, 0);
	say(&f, &other, sizeof other);
	say(&f, &cut, sizeof cut - 1);
	say(&f, &cut, 3);
	assert_false(sign(&f, &flapped));
	fixture_deinit(&f);
}

static void an_interface_that_leads_out_and_goes_down_has_flapped(void **state)
{
	struct fixture f;
	bool flapped;
	(void)state;
	fixture_init(&f);
	say_link(&f, ANOTHER, 0);
	say_link(&f, OURS, IFF_UP | IFF_RUNNING);
	assert_true(sign(&f, &flapped) && !flapped);
	say_link(&f, OURS, IFF_UP);
	say_link(&f, OURS, IFF_UP | IFF_RUNNING); /* it is up again, and was down */
	assert_true(sign(&f, &flapped) && flapped);
	f.last.out_v6.interface = ANOTHER;
	say_link(&f, ANOTHER, IFF_RUNNING);
	assert_true(sign(&f, &flapped) && flapped);
	fixture_deinit(&f);
}

static void the_answer_is_the_one_to_ones_own_question(void **state)
{
	struct kith_way_out out = { .interface = 0 };
	struct rt_msghdr h = { .rtm_version = RTM_VERSION,
			       .rtm_type = RTM_GET,
			       .rtm_index = OURS,
			       .rtm_seq = ASK_SEQ,
			       .rtm_pid = getpid() },
			 wrong;
	(void)state;
	wrong = h;
	wrong.rtm_pid++;
	assert_false(take_answer(&out, (const uint8_t *)&wrong, sizeof wrong));
	wrong = h;
	wrong.rtm_type = RTM_ADD;
	assert_false(take_answer(&out, (const uint8_t *)&wrong, sizeof wrong));
	assert_false(take_answer(&out, (const uint8_t *)&h, sizeof h - 1));
	wrong = h;
	wrong.rtm_errno = 3; /* no such route: an answer all the same */
	assert_true(take_answer(&out, (const uint8_t *)&wrong, sizeof wrong));
	assert_int_equal(out.interface, 0);
	h.rtm_addrs = 0xff; /* addresses that are not there are not read */
	assert_true(take_answer(&out, (const uint8_t *)&h, sizeof h));
	assert_int_equal(out.interface, OURS);
	assert_int_equal(out.gateway.family, KITH_FAMILY_NONE);
}

static void the_question_has_a_length_for_each_address(void **state)
{
	struct fixture f;
	struct rt_msghdr h;
	uint8_t got[512];
	(void)state;
	fixture_init(&f);
	for (uint8_t family = KITH_FAMILY_V4; family <= KITH_FAMILY_V6; family++) {
		assert_true(ask(f.ends[1], family));
		ssize_t n = recv(f.ends[0], got, sizeof got, 0);
		memcpy(&h, got, sizeof h);
		assert_int_equal(n, h.rtm_msglen);
		assert_int_equal(h.rtm_type, RTM_GET);
		size_t len = got[sizeof h], next = sizeof h + aligned(len);
		assert_int_equal(len, family == KITH_FAMILY_V4 ? 16 : 28);
		assert_int_equal(got[next + 1], AF_LINK);
		assert_int_equal(next + aligned(got[next]), n);
	}
	fixture_deinit(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_to_networks_and_addresses_are_signs),
		cmocka_unit_test(answers_and_what_is_not_understood_are_no_signs),
		cmocka_unit_test(an_interface_that_leads_out_and_goes_down_has_flapped),
		cmocka_unit_test(the_answer_is_the_one_to_ones_own_question),
		cmocka_unit_test(the_question_has_a_length_for_each_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
