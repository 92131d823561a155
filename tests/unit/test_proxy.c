/* What is said to a proxy, and what it may answer: whole, byte by byte, and wrong. */
#include "support.h"

#include <sodium.h>

#include "base/addr.h"
#include "host/proxy.h"

static struct kith_addr at(const char *text)
{
	struct kith_addr a;
	assert_int_equal(kith_addr_parse(&a, text), 0);
	return a;
}

/* Plays a talk: what is heard comes in pieces of at most step bytes. The result, and all that was said. *rest: how many
 * bytes were not taken. */
static int play(const char *url, const char *remote, const void *heard, size_t len, size_t step, char said[1024],
		size_t *said_len, size_t *rest)
{
	struct kith_proxy proxy;
	struct kith_proxy_talk t;
	const struct kith_addr to = at(remote);
	const uint8_t *from = heard, *bytes;
	int result = 0;
	size_t n;
	assert_int_equal(kith_proxy_parse(&proxy, url), 0);
	kith_proxy_begin(&t, &proxy, &to);
	*said_len = 0;
	for (size_t i = 0; result == 0;) {
		while ((n = kith_proxy_says(&t, &bytes)) > 0) {
			n = n < step ? n : step;
			assert_true(*said_len + n < 1024);
			memcpy(said + *said_len, bytes, n);
			*said_len += n;
			kith_proxy_said(&t, n);
		}
		size_t wants = kith_proxy_wants(&t);
		assert_true(wants > 0);
		n = wants < step ? wants : step;
		n = n < len - i ? n : len - i;
		*rest = len - i - n;
		if (n == 0)
			break;
		result = kith_proxy_heard(&t, from + i, n);
		i += n;
	}
	said[*said_len] = '\0';
	return result;
}

#define PLAY(url, remote, heard, step) play(url, remote, heard, sizeof(heard) - 1, step, said, &said_len, &rest)

static void socks_says_what_the_rfc_says(void **state)
{
	static const char asks[] = "\x05\x01\x00"
				   "\x05\x01\x00\x01\x0b\x01\x00\x01\x01\xbb";
	static const char asks_with_user[] = "\x05\x02\x00\x02"
					     "\x01\x02me\x03pw1"
					     "\x05\x01\x00\x04\x20\x01\x48\x60\0\0\0\0\0\0\0\0\0\0\0\x07\x11\x51";
	static const char v4[] = "\x05\x00\x05\x00\x00\x01\x01\x02\x03\x04\x05\x06more";
	static const char with_user[] = "\x05\x02\x01\x00\x05\x00\x00\x04"
					"0123456789abcdef\x05\x06more";
	static const char named[] = "\x05\x00\x05\x00\x00\x03\x30"
				    "a-name-of-forty-eight-bytes-which-is-no-address.xy and no more";
	char said[1024];
	size_t said_len, rest;
	(void)state;
	for (size_t step = 1; step < 30; step++) {
		assert_int_equal(PLAY("socks5://10.0.0.1:1080", "11.1.0.1:443", v4, step), 1);
		assert_int_equal(said_len, sizeof asks - 1);
		assert_memory_equal(said, asks, said_len);
		assert_int_equal(rest, 4); /* what comes behind is not the proxy's */
		assert_int_equal(PLAY("socks5://me:pw1@10.0.0.1:1080", "[2001:4860::7]:4433", with_user, step), 1);
		assert_int_equal(said_len, sizeof asks_with_user - 1);
		assert_memory_equal(said, asks_with_user, said_len);
		assert_int_equal(rest, 4);
		assert_int_equal(PLAY("socks5://10.0.0.1:1080", "11.1.0.1:443", named, step), 1);
		assert_int_equal(rest, 12);
	}
}

static void http_says_what_the_rfc_says(void **state)
{
	static const char ok[] = "HTTP/1.0 200 Connection established\r\nProxy-agent: x\r\n\r\n\r\nmore";
	char said[1024];
	size_t said_len, rest;
	(void)state;
	for (size_t step = 1; step < 9; step++) {
		assert_int_equal(PLAY("http://10.0.0.1:3128/", "11.1.0.1:443", ok, step), 1);
		assert_string_equal(said, "CONNECT 11.1.0.1:443 HTTP/1.1\r\nHost: 11.1.0.1:443\r\n\r\n");
		assert_int_equal(rest, 6);
		assert_int_equal(PLAY("http://alice:se:cret@10.0.0.1:3128", "[2001:4860::7]:443", ok, step), 1);
		assert_string_equal(said, "CONNECT [2001:4860::7]:443 HTTP/1.1\r\nHost: [2001:4860::7]:443\r\n"
					  "Proxy-Authorization: Basic YWxpY2U6c2U6Y3JldA==\r\n\r\n");
	}
}

static void what_a_proxy_refuses_has_its_reason(void **state)
{
	static const struct {
		int err;
		const char *url, *heard;
		size_t len;
	} rows[] = {
#define ROW(err, url, heard) { err, url, heard, sizeof(heard) - 1 }
		ROW(KITH_EACCES, "socks5://10.0.0.1:1", "\x05\xff"),
		ROW(KITH_EACCES, "socks5://10.0.0.1:1", "\x05\x02"), /* we have no password */
		ROW(KITH_EACCES, "socks5://a:b@10.0.0.1:1", "\x05\x02\x01\x01"),
		ROW(KITH_EPROTO, "socks5://a:b@10.0.0.1:1", "\x05\x02\x05\x00"),
		ROW(KITH_EPROTO, "socks5://10.0.0.1:1", "\x04\x00"),
		ROW(KITH_EPROTO, "socks5://10.0.0.1:1", "HTTP/1.0 400"),
		ROW(KITH_EACCES, "socks5://10.0.0.1:1", "\x05\x00\x05\x02\x00\x01"),
		ROW(KITH_EUNREACHABLE, "socks5://10.0.0.1:1", "\x05\x00\x05\x05\x00\x01"),
		ROW(KITH_EPROTO, "socks5://10.0.0.1:1", "\x05\x00\x06\x00\x00\x01"),
		ROW(KITH_EPROTO, "socks5://10.0.0.1:1", "\x05\x00\x05\x00\x00\x02"),
		ROW(KITH_EACCES, "http://10.0.0.1:1", "HTTP/1.1 407 Who?\r\n\r\n"),
		ROW(KITH_EACCES, "http://10.0.0.1:1", "HTTP/1.1 403 No\r\n\r\n"),
		ROW(KITH_EUNREACHABLE, "http://10.0.0.1:1", "HTTP/1.1 502 Bad\r\n\r\n"),
		ROW(KITH_EPROTO, "http://10.0.0.1:1", "HTTP/1.1 100 Go on\r\n\r\n"),
		ROW(KITH_EPROTO, "http://10.0.0.1:1", "HTTP/1.1\r\n\r\n"),
		ROW(KITH_EPROTO, "http://10.0.0.1:1", "SSH-2.0"),
		ROW(KITH_EPROTO, "http://10.0.0.1:1", "\x05\x00"),
#undef ROW
	};
	char said[1024];
	size_t said_len, rest;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t step = 1; step < 9; step++) {
			int result = play(rows[i].url, "11.1.0.1:443", rows[i].heard, rows[i].len, step, said,
					  &said_len, &rest);
			if (result != rows[i].err)
				fail_msg("row %zu: %d instead of %d", i, result, rows[i].err);
		}
	}
}

static void an_answer_without_end_ends(void **state)
{
	static char endless[KITH_PROXY_HEAD_MAX + 100] = "HTTP/1.1 200 OK\r\nX: ";
	char said[1024];
	size_t said_len, rest;
	(void)state;
	memset(endless + 20, 'a', sizeof endless - 20);
	assert_int_equal(play("http://10.0.0.1:1", "11.1.0.1:443", endless, sizeof endless, 1, said, &said_len, &rest),
			 KITH_EPROTO);
	assert_int_equal(rest, 100);
}

static void only_what_names_a_proxy_is_one(void **state)
{
	static const char *const bad[] = {
		"",
		"http://",
		"socks5://10.0.0.1",
		"socks5://10.0.0.1:0",
		"socks4://10.0.0.1:1080",
		"10.0.0.1:1080",
		"http://proxy.example:3128",
		"http://@10.0.0.1:1",
		"http://user@10.0.0.1:1",
		"http://:pass@10.0.0.1:1",
		"http://user:@10.0.0.1:1",
		"http://10.0.0.1:1/path",
		"http://0123456789012345678901234567890123456789012345678901234567890123:p@10.0.0.1:1"
	};
	struct kith_proxy p;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (kith_proxy_parse(&p, bad[i]) != KITH_EINVAL)
			fail_msg("%s is taken", bad[i]);
		assert_int_equal(p.kind, KITH_PROXY_NONE);
		assert_int_equal(p.user[0], '\0');
	}
	assert_int_equal(kith_proxy_parse(&p, "socks5://a%b:c@d@[2001:db8::1]:1080"), 0);
	assert_string_equal(p.user, "a%b");
	assert_string_equal(p.password, "c@d");
	assert_int_equal(p.at.port, 1080);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socks_says_what_the_rfc_says),	       cmocka_unit_test(http_says_what_the_rfc_says),
		cmocka_unit_test(what_a_proxy_refuses_has_its_reason), cmocka_unit_test(an_answer_without_end_ends),
		cmocka_unit_test(only_what_names_a_proxy_is_one),
	};
	assert_true(sodium_init() >= 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
