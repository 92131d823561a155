#include "support.h"

#include "base/log.h"

struct sink {
	struct kith_log log;
	unsigned lines;
	enum kith_log_level level;
	char line[2 * KITH_LOG_LINE_MAX];
};

static void sink_line(void *ctx, enum kith_log_level level, const char *line)
{
	struct sink *s = ctx;
	s->lines++;
	s->level = level;
	assert_true(strlen(line) < sizeof s->line);
	strcpy(s->line, line);
}

static void sink_init(struct sink *s, enum kith_log_level level)
{
	*s = (struct sink){ .log = { .sink = sink_line, .ctx = s, .level = level } };
}

static unsigned count_evaluation(unsigned *n)
{
	return ++*n;
}

static void lines_above_the_level_pass_and_others_are_not_even_formatted(void **state)
{
	(void)state;
	struct sink s;
	unsigned evaluated = 0;
	sink_init(&s, KITH_LOG_INFO);
	struct kith_log *log = &s.log;
	KITH_LOG(log, KITH_LOG_INFO, "opened n=%u", count_evaluation(&evaluated));
	assert_string_equal(s.line, "opened n=1");
	assert_int_equal(s.level, KITH_LOG_INFO);
	KITH_LOG(log, KITH_LOG_ERROR, "failed n=%u", count_evaluation(&evaluated));
	assert_int_equal(s.level, KITH_LOG_ERROR);
	KITH_LOG(log, KITH_LOG_DEBUG, "detail n=%u", count_evaluation(&evaluated));
	kith_log_write(log, KITH_LOG_DEBUG, "detail");
	assert_int_equal(s.lines, 2);
	assert_int_equal(evaluated, 2);
}

static void without_a_log_nothing_happens(void **state)
{
	(void)state;
	struct kith_log *none = NULL;
	struct kith_log no_sink = { .level = KITH_LOG_DEBUG };
	unsigned evaluated = 0;
	KITH_LOG(none, KITH_LOG_ERROR, "n=%u", count_evaluation(&evaluated));
	kith_log_write(none, KITH_LOG_ERROR, "n");
	kith_log_write(&no_sink, KITH_LOG_ERROR, "n");
	assert_int_equal(evaluated, 0);
}

static void long_lines_are_cut(void **state)
{
	(void)state;
	struct sink s;
	sink_init(&s, KITH_LOG_DEBUG);
	kith_log_write(&s.log, KITH_LOG_DEBUG, "%0600d", 1);
	assert_int_equal(strlen(s.line), KITH_LOG_LINE_MAX - 1);
}

static void a_value_cannot_start_a_new_line_or_drive_a_terminal(void **state)
{
	(void)state;
	struct sink s;
	sink_init(&s, KITH_LOG_DEBUG);
	kith_log_write(&s.log, KITH_LOG_WARN, "bad name=%s", "a\nERROR\r\x1b[2J\x7f\t\xc3\xa9");
	assert_string_equal(s.line, "bad name=a?ERROR??[2J??\xc3\xa9");
}

static void addresses_are_redacted_unless_asked(void **state)
{
	(void)state;
	struct sink s;
	char out[KITH_ADDR_TEXT_MAX];
	struct kith_addr v4, v6, none = { 0 };
	sink_init(&s, KITH_LOG_DEBUG);
	assert_int_equal(kith_addr_parse(&v4, "8.8.4.4:53"), 0);
	assert_int_equal(kith_addr_parse(&v6, "[2001:db8::1]:53"), 0);
	assert_string_equal(kith_log_addr(&s.log, &v4, out), "v4[redacted]");
	assert_string_equal(kith_log_addr(&s.log, &v6, out), "v6[redacted]");
	assert_string_equal(kith_log_addr(&s.log, &none, out), "none");
	assert_string_equal(kith_log_addr(NULL, &v4, out), "v4[redacted]");
	s.log.clear = true;
	assert_string_equal(kith_log_addr(&s.log, &v4, out), "8.8.4.4:53");
	assert_string_equal(kith_log_addr(&s.log, &v6, out), "[2001:db8::1]:53");
}

static void names_are_redacted_unless_asked(void **state)
{
	(void)state;
	struct sink s;
	char out[KITH_NAME_MAX + 1];
	sink_init(&s, KITH_LOG_DEBUG);
	assert_string_equal(kith_log_name(&s.log, "alice", out), "a...");
	assert_string_equal(kith_log_name(&s.log, "a", out), "a...");
	assert_string_equal(kith_log_name(NULL, "alice", out), "a...");
	assert_string_equal(kith_log_name(&s.log, "", out), "");
	assert_string_equal(kith_log_name(&s.log, NULL, out), "");
	s.log.clear = true;
	assert_string_equal(kith_log_name(&s.log, "alice", out), "alice");
	assert_int_equal(strlen(kith_log_name(&s.log, "0123456789012345678901234567890123456789", out)), KITH_NAME_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_above_the_level_pass_and_others_are_not_even_formatted),
		cmocka_unit_test(without_a_log_nothing_happens),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(a_value_cannot_start_a_new_line_or_drive_a_terminal),
		cmocka_unit_test(addresses_are_redacted_unless_asked),
		cmocka_unit_test(names_are_redacted_unless_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
