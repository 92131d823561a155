/* TLS around a pair of sockets: what is believed of certificates, and what is said of files that are none. */
#include <sys/socket.h>
#include <unistd.h>

#include "web_certificate.h"

#include "host/web_tls.h"

struct ends {
	struct kith_web_tls *tls[2]; /* of the client, of the server */
	struct kith_web_io io[2];
	int fds[2];
	char why[2][KITH_WEB_WHY_MAX];
};

static void begin(struct ends *e, const struct web_certificate *c, const char *trust,
		  const struct kith_web_place *place)
{
	const struct kith_web_config client = { .trust = trust };
	const struct kith_web_config server = { .certificate = c->certificate, .key = c->key };
	memset(e, 0, sizeof *e);
	assert_int_equal(kith_web_tls_new(&e->tls[0], &client, e->why[0], KITH_WEB_WHY_MAX), 0);
	assert_int_equal(kith_web_tls_new(&e->tls[1], &server, e->why[1], KITH_WEB_WHY_MAX), 0);
	assert_false(kith_web_tls_serves(e->tls[0]));
	assert_true(kith_web_tls_serves(e->tls[1]));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, e->fds), 0);
	for (int i = 0; i < 2; i++) {
		e->io[i].fd = e->fds[i];
		assert_int_equal(kith_web_io_secure(&e->io[i], e->tls[i], i == 0 ? place : NULL), 0);
	}
}

static void end(struct ends *e)
{
	for (int i = 0; i < 2; i++) {
		kith_web_io_end(&e->io[i]);
		(void)close(e->fds[i]);
		kith_web_tls_free(e->tls[i]);
	}
}

/* What the handshake came to at the client's end. */
static int greet(struct ends *e)
{
	int client = 0, server = 0;
	for (int i = 0; i < 20 && (client == 0 || server == 0); i++) {
		if (client == 0)
			client = kith_web_io_greet(&e->io[0], e->why[0], KITH_WEB_WHY_MAX);
		if (client < 0)
			break;
		if (server == 0)
			server = kith_web_io_greet(&e->io[1], e->why[1], KITH_WEB_WHY_MAX);
	}
	return client;
}

static const struct kith_web_place by_name = { "h.example", "/ws", { .family = KITH_FAMILY_V4, .port = 443 } };
static const struct kith_web_place by_addr = { NULL, "/ws", { KITH_FAMILY_V4, 0, 443, { 127, 0, 0, 1 } } };

static void bytes_pass_both_ways(void **state)
{
	struct web_certificate c;
	struct ends e;
	uint8_t in[64];
	(void)state;
	web_certificate_make(&c, "DNS:h.example");
	begin(&e, &c, c.certificate, &by_name);
	assert_int_equal(greet(&e), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kith_web_io_read(&e.io[1 - i], in, sizeof in), 0);
		assert_int_equal(kith_web_io_write(&e.io[i], (const uint8_t *)"hello", 5), 5);
		assert_int_equal(kith_web_io_read(&e.io[1 - i], in, sizeof in), 5);
		assert_memory_equal(in, "hello", 5);
	}
	kith_web_io_end(&e.io[0]);
	assert_int_equal(kith_web_io_read(&e.io[1], in, sizeof in), KITH_ECLOSED);
	end(&e);
	web_certificate_remove(&c);
}

static void a_socket_that_is_gone_ends_it_without_a_signal(void **state)
{
	struct web_certificate c;
	struct ends e;
	(void)state;
	web_certificate_make(&c, "DNS:h.example");
	begin(&e, &c, "any", &by_name);
	assert_int_equal(greet(&e), 1);
	assert_int_equal(shutdown(e.fds[1], SHUT_RDWR), 0);
	assert_true(kith_web_io_write(&e.io[0], (const uint8_t *)"hello", 5) < 0);
	end(&e);
	web_certificate_remove(&c);
}

static int verdict(const char *of, const struct kith_web_place *place, bool ours, char why[KITH_WEB_WHY_MAX])
{
	struct web_certificate c;
	struct ends e;
	web_certificate_make(&c, of);
	begin(&e, &c, ours ? c.certificate : NULL, place);
	int result = greet(&e);
	memcpy(why, e.why[0], KITH_WEB_WHY_MAX);
	end(&e);
	web_certificate_remove(&c);
	return result;
}

static void certificates_are_judged_as_browsers_do(void **state)
{
	char why[KITH_WEB_WHY_MAX];
	(void)state;
	assert_int_equal(verdict("DNS:h.example", &by_name, true, why), 1);
	assert_int_equal(verdict("DNS:h.example", &by_name, false, why), KITH_EACCES);
	assert_non_null(strstr(why, "self-signed certificate"));
	assert_int_equal(verdict("DNS:other.example", &by_name, true, why), KITH_EACCES);
	assert_non_null(strstr(why, "ostname mismatch"));
	assert_int_equal(verdict("IP:127.0.0.1", &by_addr, true, why), 1);
	assert_int_equal(verdict("IP:127.0.0.2", &by_addr, true, why), KITH_EACCES);
}

static void any_certificate_is_taken_if_that_is_said(void **state)
{
	struct web_certificate c;
	struct ends e;
	(void)state;
	web_certificate_make(&c, "DNS:other.example");
	begin(&e, &c, KITH_WEB_TRUST_ANY, &by_name);
	assert_int_equal(greet(&e), 1);
	end(&e);
	web_certificate_remove(&c);
}

static void what_is_no_tls_is_told_from_it(void **state)
{
	struct web_certificate c;
	struct ends e;
	(void)state;
	web_certificate_make(&c, "DNS:h.example");
	begin(&e, &c, KITH_WEB_TRUST_ANY, &by_name);
	assert_int_equal(kith_web_io_greet(&e.io[0], e.why[0], KITH_WEB_WHY_MAX), 0);
	assert_true(send(e.fds[1], "SSH-2.0-OpenSSH\r\n", 17, 0) == 17);
	assert_int_equal(kith_web_io_greet(&e.io[0], e.why[0], KITH_WEB_WHY_MAX), KITH_EPROTO);
	assert_true(e.why[0][0] != '\0');
	end(&e);
	web_certificate_remove(&c);
}

static void files_that_are_none_are_named(void **state)
{
	struct web_certificate c, other;
	char why[KITH_WEB_WHY_MAX];
	struct kith_web_tls *tls;
	(void)state;
	web_certificate_make(&c, "DNS:h.example");
	web_certificate_make(&other, "DNS:h.example");
	struct kith_web_config config = { .certificate = "/nonexistent", .key = c.key };
	assert_int_equal(kith_web_tls_new(&tls, &config, why, sizeof why), KITH_EINVAL);
	assert_non_null(strstr(why, "web_certificate: /nonexistent cannot be used: "));
	config = (struct kith_web_config){ .certificate = c.certificate, .key = other.key };
	assert_int_equal(kith_web_tls_new(&tls, &config, why, sizeof why), KITH_EINVAL);
	assert_non_null(strstr(why, "web_key: "));
	assert_non_null(strstr(why, "mismatch"));
	config = (struct kith_web_config){ .trust = c.key };
	assert_int_equal(kith_web_tls_new(&tls, &config, why, sizeof why), KITH_EINVAL);
	assert_non_null(strstr(why, "web_trust: "));
	web_certificate_remove(&c);
	web_certificate_remove(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_pass_both_ways),
		cmocka_unit_test(a_socket_that_is_gone_ends_it_without_a_signal),
		cmocka_unit_test(certificates_are_judged_as_browsers_do),
		cmocka_unit_test(any_certificate_is_taken_if_that_is_said),
		cmocka_unit_test(what_is_no_tls_is_told_from_it),
		cmocka_unit_test(files_that_are_none_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
