/* Heads of HTTP: what is asked for, what is answered, and that nothing in it tells who answers. */
#include "support.h"

#include <strings.h>

#include "host/web_http.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455, 1.3 */
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define ASK                                                                                                            \
	"Host: h.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"    \
	"Sec-WebSocket-Key: " KEY "\r\n"

static struct kith_web_request read_request(const char *head)
{
	struct kith_web_request r;
	assert_int_equal(kith_web_head((const uint8_t *)head, strlen(head)), strlen(head));
	kith_web_request_read(&r, (const uint8_t *)head, strlen(head));
	return r;
}

/* The answer to it, as text; whether frames follow. */
static bool answer(const char *head, char out[KITH_WEB_SAYS_MAX + 1])
{
	struct kith_web_request r = read_request(head);
	bool opens;
	size_t n = kith_web_answer_write(out, &r, "/ws", 784111777, &opens);
	assert_true(n > 0 && n < KITH_WEB_SAYS_MAX);
	out[n] = '\0';
	return opens;
}

static void heads_end_where_they_end(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	uint8_t long_one[KITH_WEB_HEAD_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof head - 1; i++)
		assert_int_equal(kith_web_head((const uint8_t *)head, i), 0);
	assert_int_equal(kith_web_head((const uint8_t *)head, sizeof head - 1), sizeof head - 1);
	assert_int_equal(kith_web_head((const uint8_t *)"GET / HTTP/1.1\n\n", 16), KITH_EPROTO);
	assert_int_equal(kith_web_head((const uint8_t *)"GET\r / ", 7), KITH_EPROTO);
	assert_int_equal(kith_web_head((const uint8_t *)"GET \x01", 5), KITH_EPROTO);
	assert_int_equal(kith_web_head((const uint8_t *)"GET \x7f", 5), KITH_EPROTO);
	memset(long_one, 'a', sizeof long_one);
	assert_int_equal(kith_web_head(long_one, sizeof long_one - 1), 0);
	assert_int_equal(kith_web_head(long_one, sizeof long_one), KITH_EPROTO);
}

static void a_socket_is_asked_for_and_opened(void **state)
{
	const struct kith_web_place place = { "h.example", "/ws", { .family = KITH_FAMILY_V4, .port = 8443 } };
	char says[KITH_WEB_SAYS_MAX + 1], back[KITH_WEB_SAYS_MAX + 1];
	(void)state;
	size_t n = kith_web_request_write(says, &place, KEY);
	says[n] = '\0';
	assert_non_null(strstr(says, "GET /ws HTTP/1.1\r\nHost: h.example:8443\r\n"));
	assert_true(answer(says, back));
	assert_non_null(strstr(back, "HTTP/1.1 101 "));
	assert_non_null(strstr(back, "Sec-WebSocket-Accept: " ACCEPT "\r\n"));
	assert_int_equal(kith_web_answer_read((const uint8_t *)back, strlen(back), KEY), 0);
	assert_int_equal(kith_web_answer_read((const uint8_t *)back, strlen(back), "AAAAAAAAAAAAAAAAAAAAAA=="),
			 KITH_EPROTO);
	assert_true(answer("GET /ws?a=b HTTP/1.1\r\n" ASK "\r\n", back));
}

static void hosts_are_written_as_browsers_do(void **state)
{
	struct kith_web_place place = { "h.example", "/", { .family = KITH_FAMILY_V4, .port = 443 } };
	char text[KITH_WEB_HOST_MAX];
	(void)state;
	kith_web_place_text(text, &place);
	assert_string_equal(text, "h.example");
	place.host = NULL;
	place.addr.ip[0] = 9;
	kith_web_place_text(text, &place);
	assert_string_equal(text, "9.0.0.0");
	place.addr = (struct kith_addr){ .family = KITH_FAMILY_V6, .port = 444, .ip = { 0x20, 1 } };
	kith_web_place_text(text, &place);
	assert_string_equal(text, "[2001::]:444");
}

static void all_else_is_a_web_server(void **state)
{
	static const struct {
		const char *head, *status;
	} cases[] = {
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK" },
		{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "200 OK" },
		{ "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", "404 Not Found" }, /* the path itself tells nothing */
		{ "GET /other HTTP/1.1\r\n" ASK "\r\n", "404 Not Found" },
		{ "GET /ws/ HTTP/1.1\r\n" ASK "\r\n", "404 Not Found" },
		{ "GET /WS HTTP/1.1\r\n" ASK "\r\n", "404 Not Found" },
		{ "POST /ws HTTP/1.1\r\n" ASK "\r\n", "405 Method Not Allowed" },
		{ "GET / HTTP/1.1\r\n\r\n", "400 Bad Request" },
		{ "GET /\r\nHost: a\r\n\r\n", "400 Bad Request" },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "400 Bad Request" },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 Bad Request" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "400 Bad Request" },
	};
	char back[KITH_WEB_SAYS_MAX + 1];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_false(answer(cases[i].head, back));
		if (strncmp(back + 9, cases[i].status, strlen(cases[i].status)) != 0)
			fail_msg("%s: %s", cases[i].head, back);
		assert_non_null(strstr(back, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
		assert_null(strstr(back, "kith"));
		assert_null(strcasestr(back, "websocket"));
	}
	assert_false(answer("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", back));
	assert_string_equal(strstr(back, "\r\n\r\n"), "\r\n\r\n"); /* without the page */
}

static void half_a_question_opens_nothing(void **state)
{
	static const char *const missing[] = { "Connection: ", "Upgrade: ", "Sec-WebSocket-Version: ",
					       "Sec-WebSocket-Key: " };
	char head[1024], back[KITH_WEB_SAYS_MAX + 1];
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(head, sizeof head, "GET /ws HTTP/1.1\r\n" ASK "\r\n");
		strstr(head, missing[i])[0] = 'x';
		assert_false(answer(head, back));
		assert_non_null(strstr(back, "404"));
	}
	assert_false(answer("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			    "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: " KEY "\r\n\r\n",
			    back));
	assert_false(answer("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n",
			    back));
}

static void the_nearest_proxy_says_where_from(void **state)
{
	static const struct {
		const char *said;
		uint8_t family, first;
	} cases[] = {
		{ "9.8.7.6", KITH_FAMILY_V4, 9 },
		{ "1.2.3.4, 9.8.7.6", KITH_FAMILY_V4, 9 }, /* what comes before was said by the client */
		{ "9.8.7.6:4711", KITH_FAMILY_V4, 9 },
		{ "2001:db8::1", KITH_FAMILY_V6, 0x20 },
		{ "[2001:db8::1]:5", KITH_FAMILY_V6, 0x20 },
		{ "[2001:db8::1]", KITH_FAMILY_V6, 0x20 },
		{ "unknown", KITH_FAMILY_NONE, 0 },
		{ "", KITH_FAMILY_NONE, 0 },
	};
	char head[512];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %s\r\n\r\n",
			       cases[i].said);
		struct kith_web_request r = read_request(head);
		if (r.forwarded.family != cases[i].family || r.forwarded.ip[0] != cases[i].first)
			fail_msg("'%s'", cases[i].said);
		assert_int_equal(r.forwarded.port, 0);
	}
}

static void answers_of_others_are_judged(void **state)
{
	static const struct {
		const char *head;
		int result;
	} cases[] = {
		{ "HTTP/1.1 404 Not Found\r\n\r\n", 404 },
		{ "HTTP/1.1 200 OK\r\n\r\n", 200 },
		{ "HTTP/1.0 101\r\nsec-websocket-accept:" ACCEPT " \r\n\r\n", 0 },
		{ "HTTP/1.1 101 Switching\r\n\r\n", KITH_EPROTO },
		{ "HTTP/1.1 1x1 Switching\r\n\r\n", KITH_EPROTO },
		{ "HTTP/1.1 10\r\n\r\n", KITH_EPROTO },
		{ "ICY 200 OK\r\n\r\n", KITH_EPROTO },
		{ "\r\n\r\n", KITH_EPROTO },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(kith_web_answer_read((const uint8_t *)cases[i].head, strlen(cases[i].head), KEY),
				 cases[i].result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_end_where_they_end),	    cmocka_unit_test(a_socket_is_asked_for_and_opened),
		cmocka_unit_test(hosts_are_written_as_browsers_do), cmocka_unit_test(all_else_is_a_web_server),
		cmocka_unit_test(half_a_question_opens_nothing),    cmocka_unit_test(the_nearest_proxy_says_where_from),
		cmocka_unit_test(answers_of_others_are_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
