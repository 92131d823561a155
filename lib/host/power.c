#include "host/power.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <kith/err.h>

enum {
	PATH_BYTES = 1024,
	FILE_BYTES = 4096,
	RAW_IP = 519 /* ARPHRD_RAWIP: what modems speak that make no Ethernet of it */
};

/* ---- files ---- */

/* The beginning of a file, without the newline at its end; "" if it cannot be read. */
static const char *contents(char out[FILE_BYTES], const char *root, const char *path)
{
	char whole[PATH_BYTES];
	int n = snprintf(whole, sizeof whole, "%s/%s", root, path);
	FILE *f = n > 0 && (size_t)n < sizeof whole ? fopen(whole, "re") : NULL;
	out[0] = '\0';
	if (f == NULL)
		return out;
	size_t len = fread(out, 1, FILE_BYTES - 1, f);
	(void)fclose(f);
	while (len > 0 && out[len - 1] == '\n')
		len--;
	out[len] = '\0';
	return out;
}

/* The value behind "KEY=" at the beginning of a line; NULL: there is none. */
static const char *value_of(const char *text, const char *key)
{
	size_t len = strlen(key);
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += line != text;
		if (strncmp(line, key, len) == 0 && line[len] == '=')
			return line + len + 1;
	}
	return NULL;
}

/* ---- batteries ---- */

static bool supply_is(const char *root, const char *supply, const char *what, const char *value)
{
	char path[PATH_BYTES], text[FILE_BYTES] = "";
	(void)snprintf(path, sizeof path, "sys/class/power_supply/%.255s/%s", supply, what);
	return strcmp(contents(text, root, path), value) == 0;
}

static bool discharges(const char *root, const char *supply)
{
	bool stores = supply_is(root, supply, "type", "Battery") || supply_is(root, supply, "type", "UPS");
	return stores && supply_is(root, supply, "status", "Discharging") &&
	       !supply_is(root, supply, "scope", "Device");
}

static bool feeds(const char *root, const char *supply)
{
	bool outside = supply_is(root, supply, "type", "Mains") || supply_is(root, supply, "type", "USB");
	return outside && supply_is(root, supply, "online", "1");
}

static bool runs_on_battery(const char *root)
{
	char path[PATH_BYTES];
	const struct dirent *entry;
	bool discharging = false, fed = false;
	(void)snprintf(path, sizeof path, "%s/sys/class/power_supply", root);
	DIR *dir = opendir(path);
	for (int n = 0; dir != NULL && n < KITH_POWER_SUPPLIES_MAX && (entry = readdir(dir)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		discharging = discharging || discharges(root, entry->d_name);
		fed = fed || feeds(root, entry->d_name);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return discharging && !fed;
}

/* ---- networks ---- */

static bool is_modem(const char *root, const char *name)
{
	char path[PATH_BYTES], text[FILE_BYTES] = "";
	if (name[0] == '\0' || strchr(name, '/') != NULL)
		return false;
	(void)snprintf(path, sizeof path, "sys/class/net/%s/uevent", name);
	const char *type = value_of(contents(text, root, path), "DEVTYPE");
	if (type != NULL && strcspn(type, "\n") == 4 && strncmp(type, "wwan", 4) == 0)
		return true;
	(void)snprintf(path, sizeof path, "sys/class/net/%s/type", name);
	return strtol(contents(text, root, path), NULL, 10) == RAW_IP;
}

/* DHCP's option 43, in hexadecimal digits. */
static bool is_telephone(const char *root, uint32_t interface)
{
	static const char android_metered[] = "414e44524f49445f4d455445524544";
	char path[PATH_BYTES], text[FILE_BYTES] = "";
	if (interface == 0)
		return false;
	(void)snprintf(path, sizeof path, "run/systemd/netif/leases/%u", interface);
	const char *option = value_of(contents(text, root, path), "VENDOR_SPECIFIC");
	return option != NULL && strncasecmp(option, android_metered, sizeof android_metered - 1) == 0;
}

unsigned kith_power_read(const char *root, const struct kith_power_way ways[KITH_POWER_WAYS])
{
	unsigned found = runs_on_battery(root) ? KITH_HINDRANCE_BATTERY : 0;
	for (int i = 0; i < KITH_POWER_WAYS; i++)
		if (is_modem(root, ways[i].name) || is_telephone(root, ways[i].interface))
			found |= KITH_HINDRANCE_METERED;
	return found;
}

/* ---- again and again ---- */

static void read_now(struct kith_power_watch *w);

static void due(uv_timer_t *timer)
{
	read_now(timer->data);
}

static void part_closed(struct kith_power_watch *w)
{
	if (--w->open == 0)
		w->closed(w);
}

static void judge(struct kith_power_watch *w)
{
	bool steady = !w->told || w->found == w->seen;
	bool another = w->found != w->last;
	w->seen = w->found;
	w->told = true;
	if (another && steady) {
		w->last = w->found;
		w->changed(w->ctx, w->found);
	}
	if (!w->stopped) /* by changed */
		(void)uv_timer_start(&w->timer, due, another && !steady ? KITH_POWER_SETTLE_MS : KITH_POWER_POLL_MS, 0);
}

static void done(uv_work_t *work, int status)
{
	struct kith_power_watch *w = work->data;
	w->busy = false;
	if (w->stopped) {
		part_closed(w);
		return;
	}
	w->open--;
	if (w->stale || status != 0)
		read_now(w);
	else
		judge(w);
}

static void job(uv_work_t *work)
{
	struct kith_power_watch *w = work->data;
	w->found = kith_power_read(w->root, w->ways);
}

static void read_now(struct kith_power_watch *w)
{
	w->stale = w->busy;
	if (w->busy)
		return;
	memset(w->ways, 0, sizeof w->ways);
	w->ways_of(w->ctx, w->ways);
	w->work.data = w;
	w->busy = uv_queue_work(w->timer.loop, &w->work, job, done) == 0;
	w->open += w->busy;
	if (!w->busy)
		(void)uv_timer_start(&w->timer, due, KITH_POWER_POLL_MS, 0);
}

int kith_power_watch_start(struct kith_power_watch *w, uv_loop_t *loop)
{
	if (uv_timer_init(loop, &w->timer) != 0)
		return KITH_EIO;
	w->timer.data = w;
	w->open = 1;
	read_now(w);
	return 0;
}

static void timer_closed(uv_handle_t *timer)
{
	part_closed(timer->data);
}

void kith_power_watch_stop(struct kith_power_watch *w, void (*closed)(struct kith_power_watch *w))
{
	w->stopped = true;
	w->closed = closed;
	if (w->busy)
		(void)uv_cancel((uv_req_t *)&w->work);
	uv_close((uv_handle_t *)&w->timer, timer_closed);
}

void kith_power_watch_look(struct kith_power_watch *w)
{
	read_now(w);
}
