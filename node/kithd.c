/* kithd, the reference node: runs one leaf or supernode by its configuration file, logs what happens, and answers on
 * its control socket.
 *
 * SIGTERM, SIGINT: leaves in an orderly way, within leave_timeout; a second one ends it at once.
 * SIGHUP: reads the configuration again and takes over what can change while it runs (kithd_reload.h).
 * Exit codes: 0 stopped as asked; 1 could not start, or failed; 2 wrong usage or configuration; 3 could not start, and
 * will not before somebody mends what the log names. */
#include <errno.h>
#include <popt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kithd_advice.h"
#include "kithd_check.h"
#include "kithd_config.h"
#include "kithd_control.h"
#include "kithd_reload.h"

#define CONFIG_DEFAULT "/etc/kith/kithd.conf"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_HOPELESS = 3, SIGNALS_N = 3, DAY_MS = 24 * 60 * 60 * 1000 };

struct daemon {
	uv_loop_t loop;
	struct config config;
	struct credentials credentials;
	struct kith_node_options options;
	struct logger log;
	struct kith_node *node;
	struct commands commands;
	struct control control;
	uv_signal_t signals[SIGNALS_N];
	uv_timer_t daily;
	enum kith_log_level forced_level; /* by --log-level */
	bool has_forced_level;
	bool leaving;
	int exit_code;
};

/* ---- what the node tells ---- */

static void log_failure(const struct daemon *d, const char *what, int err, const char *why, const char *help)
{
	log_event(&d->log, KITH_LOG_ERROR, "failed", "{s:s, s:s, s:s, s:s}", "what", what, "code", kith_err_name(err),
		  "why", why != NULL ? why : kith_strerror(err), "advice", help);
}

/* Logs it, and returns the exit code that goes with it. */
static int fail_part(const struct daemon *d, enum kith_part part, int err, const char *why)
{
	log_failure(d, part_text(part), err, why, advice(part, err));
	return mends_itself(part, err) ? EXIT_FAILED : EXIT_HOPELESS;
}

static void on_closed(struct kith_node *node, void *user);

static void leave(struct daemon *d)
{
	if (d->leaving)
		return;
	d->leaving = true;
	control_close(&d->control);
	if (kith_node_close(d->node, on_closed) != 0)
		on_closed(d->node, d);
}

static void on_closed(struct kith_node *node, void *user)
{
	struct daemon *d = user;
	(void)node;
	for (int i = 0; i < SIGNALS_N; i++)
		uv_close((uv_handle_t *)&d->signals[i], NULL);
	uv_close((uv_handle_t *)&d->daily, NULL);
}

/* At the start and once a day, so that it is seen whichever day somebody looks. */
static void warn_of_end(uv_timer_t *timer)
{
	const struct daemon *d = timer->data;
	const struct chain_end *end = &d->commands.end;
	if (chain_ends_soon(end))
		log_event(&d->log, KITH_LOG_WARN, "certificate-expiring", "{s:I, s:I, s:s, s:s}", "expires",
			  (json_int_t)end->expires_s, "days", (json_int_t)chain_days(end), "first", end->which,
			  "advice", chain_advice(end));
}

static void on_started(struct kith_node *node, int err, const char *why, void *user)
{
	struct daemon *d = user;
	struct kith_node_info info;
	char name[KITH_NAME_MAX + 1], network[KITH_KEY_TEXT_LEN + 1];
	kith_node_info(node, &info);
	if (err != 0) {
		d->exit_code = fail_part(d, info.failed, err, why);
		leave(d);
		return;
	}
	log_event(&d->log, KITH_LOG_INFO, "started", "{s:s, s:s, s:s, s:i, s:s, s:i}", "version", KITH_VERSION, "name",
		  log_name(&d->log, info.name, name), "role", role_text(info.role), "port", (int)info.port, "network",
		  kith_key_format(info.network.b, network), "pid", (int)getpid());
	if (d->options.election_pace > 1)
		log_event(&d->log, KITH_LOG_WARN, "test-network", "{s:i, s:s}", "election_pace",
			  (int)d->options.election_pace, "why",
			  "supernodes elect themselves so many times as fast: whoever was seen for a moment may serve");
	uv_timer_start(&d->daily, warn_of_end, 0, DAY_MS);
}

static void on_attached(struct kith_node *node, unsigned homes, void *user)
{
	const struct daemon *d = user;
	(void)node;
	log_event(&d->log, homes > 0 ? KITH_LOG_INFO : KITH_LOG_WARN, "attached", "{s:i}", "homes", (int)homes);
}

static void on_published(struct kith_node *node, void *user)
{
	const struct daemon *d = user;
	(void)node;
	log_event(&d->log, KITH_LOG_INFO, "published", NULL);
}

static void on_incoming(struct kith_node *node, struct kith_conn *conn, const struct kith_session_info *who, void *user)
{
	struct daemon *d = user;
	char name[KITH_NAME_MAX + 1];
	(void)node;
	log_event(&d->log, KITH_LOG_INFO, "incoming", "{s:s, s:s}", "name", log_name(&d->log, who->name, name),
		  "service", who->service);
	commands_serve_ping(&d->commands, conn); /* the only service that is registered */
}

static void on_identity_changed(struct kith_node *node, const char *name, const struct kith_key *identity, void *user)
{
	const struct daemon *d = user;
	char shown[KITH_NAME_MAX + 1], key[KITH_KEY_TEXT_LEN + 1];
	(void)node;
	log_event(&d->log, KITH_LOG_WARN, "identity-changed", "{s:s, s:s}", "name", log_name(&d->log, name, shown),
		  "key", kith_key_format(identity->b, key));
}

static void on_trouble(struct kith_node *node, enum kith_trouble what, int err, const char *why, void *user)
{
	static const char *const texts[] = {
		[KITH_TROUBLE_STATE] = "state",	     [KITH_TROUBLE_SOCKET] = "socket",
		[KITH_TROUBLE_CLOCK] = "clock",	     [KITH_TROUBLE_BOOTSTRAP] = "bootstrap",
		[KITH_TROUBLE_LIST] = "list",	     [KITH_TROUBLE_HOMELESS] = "homeless",
		[KITH_TROUBLE_ATTACH] = "attach",    [KITH_TROUBLE_NAME] = "name",
		[KITH_TROUBLE_LISTS_LATE] = "lists", [KITH_TROUBLE_ENDPOINT] = "endpoint",
		[KITH_TROUBLE_CAUGHT] = "home",	     [KITH_TROUBLE_CERTIFICATE] = "certificate",
		[KITH_TROUBLE_LOG] = "log",	     [KITH_TROUBLE_MTU] = "mtu",
		[KITH_TROUBLE_PROXY] = "proxy",	     [KITH_TROUBLE_WEB] = "web",
		[KITH_TROUBLE_TURN] = "turn",
	};
	struct daemon *d = user;
	struct kith_span chain;
	if (what == KITH_TROUBLE_CERTIFICATE &&
	    kith_node_chain(node, &chain) ==
		    0) /* it may have been renewed, also where that could not be written down */
		d->commands.end = chain_end(chain, d->options.issuers, d->options.issuers_n);
	if (what == KITH_TROUBLE_CERTIFICATE && err == 0) {
		log_event(&d->log, KITH_LOG_INFO, "certificate-renewed", "{s:I, s:s}", "expires",
			  (json_int_t)d->commands.end.expires_s, "first", d->commands.end.which);
		return;
	}
	log_event(&d->log, KITH_LOG_WARN, "trouble", "{s:s, s:s, s:s, s:s*}", "what", texts[what], "code",
		  kith_err_name(err), "why", why != NULL ? why : kith_strerror(err), "advice",
		  advice_trouble(what, err));
}

static void on_role(struct kith_node *node, bool serving, enum kith_role_reason why, void *user)
{
	const struct daemon *d = user;
	(void)node;
	log_event(&d->log, why == KITH_ROLE_WHY_FAILED ? KITH_LOG_WARN : KITH_LOG_INFO, "role", "{s:s, s:s, s:s}", "is",
		  serving ? "supernode" : "leaf", "why", kith_role_reason_name(why), "reason",
		  kith_role_reason_text(why));
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *handle, int signum)
{
	struct daemon *d = handle->data;
	if (signum == SIGHUP) {
		reload(d->node, &d->log, &d->config, &d->commands.serving, d->has_forced_level);
		return;
	}
	if (d->leaving) {
		log_event(&d->log, KITH_LOG_WARN, "stopped", "{s:s}", "how", "at once, by a second signal");
		_exit(EXIT_FAILED); /* files are replaced whole or not at all, so nothing can be left half */
	}
	log_event(&d->log, KITH_LOG_INFO, "leaving", "{s:i}", "signal", signum);
	leave(d);
}

/* ---- starting ---- */

static int on_passphrase(void *ctx, const char *path, char *out, size_t cap)
{
	struct daemon *d = ctx;
	const char *file = d->config.passphrase_file.s, *env = getenv(KITH_PASSPHRASE_ENV);
	errno = 0;
	int len = file != NULL	? kith_passphrase_read(file, out, cap)
		  : env != NULL ? kith_passphrase_read(env, out, cap)
				: kith_passphrase_ask(path, false, out, cap);
	if (len > 0)
		return len;
	const char *why = len == KITH_EINVAL ? "its first line is empty or too long, or it is no file" : file_why(len);
	if (file != NULL)
		(void)config_refuse(&d->config, d->config.passphrase_file.line, "passphrase_file: %s: %s", file, why);
	else if (env != NULL)
		(void)config_refuse(&d->config, 0, "passphrase_file: missing, and " KITH_PASSPHRASE_ENV ": %s: %s", env,
				    why);
	else if (len == KITH_ENOTSUP)
		(void)config_refuse(&d->config, 0,
				    "passphrase_file: missing; %s is protected, and there is no terminal to ask on",
				    path);
	else
		(void)config_refuse(&d->config, 0, "no passphrase was given for %s", path);
	return KITH_EPASSPHRASE;
}

/* Whether the state directory takes files, before anything is online: to run without would lose what must survive a
 * restart. Returns the exit code. */
static int check_state(struct daemon *d)
{
	const char *dir = d->options.state_dir;
	errno = 0;
	int err = dir == NULL ? 0 : directory_make(dir);
	if (err == 0 && dir != NULL)
		err = directory_takes_files(dir);
	if (err == 0)
		return 0;
	(void)config_refuse(&d->config, d->config.state.line, "state: %s cannot be written: %s", dir, file_why(err));
	return fail_part(d, KITH_PART_STATE, err, d->config.error);
}

/* Returns the exit code. */
static int open_control(struct daemon *d)
{
	const char *path = d->config.control.s;
	int err = path == NULL ? 0 : control_open(&d->control, &d->loop, &d->commands, path);
	if (err == 0)
		return 0;
	(void)config_refuse(&d->config, d->config.control.line, "control: %s cannot be opened: %s", path,
			    control_why(err));
	log_failure(d, "control", err, d->config.error, advice_control(err));
	return err == KITH_EADDRINUSE || err == KITH_EMFILE || err == KITH_ENOSPC || err == KITH_EIO ? EXIT_FAILED
												     : EXIT_HOPELESS;
}

static void watch_signals(struct daemon *d)
{
	static const int signums[SIGNALS_N] = { SIGTERM, SIGINT, SIGHUP };
	uv_timer_init(&d->loop, &d->daily);
	d->daily.data = d;
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SIGNALS_N; i++) {
		uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		uv_signal_start(&d->signals[i], on_signal, signums[i]);
	}
}

/* Returns the exit code. */
static int make_node(struct daemon *d)
{
	struct kith_node_callbacks cb;
	kith_node_callbacks_init(&cb);
	cb.started = on_started;
	cb.attached = on_attached;
	cb.published = on_published;
	cb.incoming = on_incoming;
	cb.identity_changed = on_identity_changed;
	cb.trouble = on_trouble;
	cb.role = on_role;
	d->options.loop = &d->loop;
	d->options.log = &d->log.hook;
	d->options.passphrase = on_passphrase;
	d->options.passphrase_ctx = d;
	d->options.passphrase_path =
		d->config.passphrase_file.s != NULL ? d->config.passphrase_file.s : getenv(KITH_PASSPHRASE_ENV);
	int err = kith_node_new(&d->node, &d->options, &cb, d);
	if (err != 0) {
		char why[1200];
		(void)snprintf(why, sizeof why, "%s: %s", d->options.key_path != NULL ? d->options.key_path : "options",
			       kith_strerror(err));
		return fail_part(d, err == KITH_EINVAL ? KITH_PART_OPTIONS : KITH_PART_KEY, err,
				 d->config.error[0] != '\0' ? d->config.error : why);
	}
	commands_init(&d->commands, d->node, &d->loop);
	config_serving(&d->config, &d->commands.serving);
	d->commands.end = chain_end(d->options.chain, d->options.issuers, d->options.issuers_n);
	err = d->config.ping ? kith_serve(d->node, PING_SERVICE) : 0;
	return err == 0 ? 0 : fail_part(d, KITH_PART_SYSTEM, err, NULL);
}

static int run(struct daemon *d)
{
	int code = check_state(d);
	if (code == 0)
		code = make_node(d);
	if (code != 0)
		return code;
	code = open_control(d);
	if (code != 0) {
		kith_node_free(d->node);
		uv_run(&d->loop, UV_RUN_DEFAULT);
		return code;
	}
	watch_signals(d);
	int err = kith_node_start(d->node);
	if (err != 0) {
		d->exit_code = fail_part(d, KITH_PART_SYSTEM, err, NULL);
		leave(d);
	}
	uv_run(&d->loop, UV_RUN_DEFAULT);
	kith_node_free(d->node);
	log_event(&d->log, KITH_LOG_INFO, "stopped", "{s:i}", "exit_code", d->exit_code);
	return d->exit_code;
}

/* ---- command line ---- */

struct arguments {
	char *config, *log_level;
	int check, version;
};

enum option { OPTION_NONE, OPTION_CONFIG, OPTION_CHECK, OPTION_LOG_LEVEL, OPTION_VERSION };

static int refuse_argument(const char *what, const char *why)
{
	fprintf(stderr, "kithd: %s: %s\n", what, why);
	return EXIT_USAGE;
}

/* False: given twice. */
static bool take_argument(struct arguments *a, enum option option, char *value)
{
	char **text = option == OPTION_CONFIG ? &a->config : &a->log_level;
	if (option == OPTION_CHECK)
		return a->check++ == 0;
	if (option == OPTION_VERSION)
		return a->version++ == 0;
	if (*text == NULL) {
		*text = value;
		return true;
	}
	free(value);
	return false;
}

/* What would be ignored is a mistake. */
static int read_arguments(poptContext context, struct arguments *a)
{
	static const char *const names[] = { "", "--config", "--check-config", "--log-level", "--version" };
	int option;
	while ((option = poptGetNextOpt(context)) > 0)
		if (!take_argument(a, (enum option)option, poptGetOptArg(context)))
			return refuse_argument(names[option], "given twice");
	if (option < -1)
		return refuse_argument(poptBadOption(context, POPT_BADOPTION_NOALIAS), poptStrerror(option));
	if (poptPeekArg(context) != NULL)
		return refuse_argument(poptPeekArg(context),
				       "takes no arguments; the configuration file is given with -c");
	if (a->version && (a->config != NULL || a->check || a->log_level != NULL))
		return refuse_argument("--version", "stands alone");
	if (a->check && a->log_level != NULL)
		return refuse_argument("--log-level", "has no effect with --check-config");
	return 0;
}

static int parse_arguments(int argc, const char **argv, struct arguments *a)
{
	struct poptOption table[] = { { "config", 'c', POPT_ARG_STRING, NULL, OPTION_CONFIG,
					"configuration file; default " CONFIG_DEFAULT, "FILE" },
				      { "check-config", '\0', POPT_ARG_NONE, NULL, OPTION_CHECK,
					"check the configuration and the files it names, and end", NULL },
				      { "log-level", '\0', POPT_ARG_STRING, NULL, OPTION_LOG_LEVEL,
					"error, warn, info or debug; instead of the file's", "LEVEL" },
				      { "version", '\0', POPT_ARG_NONE, NULL, OPTION_VERSION,
					"print the version and end", NULL },
				      POPT_AUTOHELP POPT_TABLEEND };
	poptContext context = poptGetContext("kithd", argc, argv, table, 0);
	int result = read_arguments(context, a);
	poptFreeContext(context);
	return result;
}

static void warn(const char *text)
{
	fprintf(stderr, "kithd: warning: %s\n", text);
}

/* Key files are opened if that asks nobody. */
static int check_only(struct daemon *d)
{
	bool asks = d->config.passphrase_file.s == NULL && getenv(KITH_PASSPHRASE_ENV) == NULL;
	d->options.passphrase = asks ? NULL : on_passphrase;
	d->options.passphrase_ctx = d;
	if (config_check(&d->config, &d->options, warn) != 0) {
		fprintf(stderr, "kithd: %s\n", d->config.error);
		return EXIT_USAGE;
	}
	printf("%s: fine\n", d->config.path.s);
	return 0;
}

static int configure(struct daemon *d, const struct arguments *a)
{
	const char *path = a->config != NULL ? a->config : CONFIG_DEFAULT;
	if (a->log_level != NULL) {
		d->has_forced_level = log_level_parse(&d->forced_level, a->log_level);
		if (!d->has_forced_level) {
			fprintf(stderr, "kithd: --log-level: found \"%s\"; expected error, warn, info or debug\n",
				a->log_level);
			return EXIT_USAGE;
		}
	}
	kith_node_options_init(&d->options);
	if (a->config == NULL && access(path, F_OK) != 0) {
		fprintf(stderr, "kithd: %s: %s; -c names another configuration file\n", path, strerror(errno));
		return EXIT_USAGE;
	}
	if (config_read(&d->config, path) != 0 || config_apply(&d->config, &d->credentials, &d->options) != 0) {
		fprintf(stderr, "kithd: %s\n", d->config.error);
		return EXIT_USAGE;
	}
	logger_init(&d->log, d->has_forced_level ? d->forced_level : d->config.log_level, d->config.log_format,
		    d->config.log_clear);
	return a->check ? check_only(d) : 0;
}

int main(int argc, const char **argv)
{
	struct arguments a = { 0 };
	struct daemon *d = calloc(1, sizeof *d);
	int code = d == NULL ? EXIT_FAILED : parse_arguments(argc, argv, &a);
	if (code == 0 && a.version) {
		printf("kithd %s\n", KITH_VERSION);
	} else if (code == 0) {
		uv_loop_init(&d->loop);
		uv_loop_configure(&d->loop, UV_METRICS_IDLE_TIME); /* a supernode measures its load by it */
		code = configure(d, &a);
		if (code == 0 && !a.check)
			code = run(d);
		uv_loop_close(&d->loop);
		kith_node_options_deinit(&d->options);
		credentials_free(&d->credentials);
		config_free(&d->config);
	}
	free(a.config);
	free(a.log_level);
	free(d);
	return code;
}
