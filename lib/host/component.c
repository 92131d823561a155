/* Components are found and loaded; see component.h. */
#include "host/component.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/auxv.h>
#endif

enum { PATH_LEN = 4096, SYMBOL_LEN = 64 };

/* Cuts a path to the directory that it names a file in. False: it names none. */
static bool to_directory(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	return true;
}

/* The directory of the object that this code is in. */
static bool own_directory(char path[PATH_LEN])
{
	static const char here;
	Dl_info info;
	/* Of a program, the name is what it was called by, which may be no path. */
	if (dladdr(&here, &info) == 0 || info.dli_fname == NULL)
		return false;
	int n = snprintf(path, PATH_LEN, "%s", info.dli_fname);
	return n > 0 && n < PATH_LEN && to_directory(path);
}

static bool program_directory(char path[PATH_LEN])
{
	size_t len = PATH_LEN;
	return uv_exepath(path, &len) == 0 && to_directory(path);
}

static const char *told_directory(void)
{
#ifdef __linux__
	return secure_getenv(KITH_COMPONENT_PATH_ENV);
#else
	return issetugid() ? NULL : getenv(KITH_COMPONENT_PATH_ENV);
#endif
}

/* The file's path, if there is such a file. */
static bool is_at(char out[PATH_LEN], const char *dir, const char *below, const char *name)
{
	uv_fs_t request;
	int n = snprintf(out, PATH_LEN, "%s%s/kith-%s.so", dir, below, name);
	if (n < 0 || n >= PATH_LEN)
		return false;
	bool found = uv_fs_stat(NULL, &request, out, NULL) == 0;
	uv_fs_req_cleanup(&request);
	return found;
}

/* A program without a loader of the system: the C library that a component brings along would be a second one. */
static bool is_static(void)
{
#ifdef __linux__
	return getauxval(AT_BASE) == 0;
#else
	return false;
#endif
}

static bool find(char out[PATH_LEN], const char *name)
{
	char dir[PATH_LEN];
	const char *told = told_directory();
	if (told != NULL)
		return is_at(out, told, "", name);
	return (own_directory(dir) && is_at(out, dir, "/kith", name)) ||
	       (program_directory(dir) && is_at(out, dir, "/" KITH_LIBDIR_FROM_BINDIR "/kith", name));
}

static int open_file(struct kith_component_file *file, const char *path, const char *name, char *why, size_t cap)
{
	char symbol[SYMBOL_LEN];
	void *component;
	(void)snprintf(symbol, sizeof symbol, "kith_component_%s", name);
	if (uv_dlopen(path, &file->lib) != 0 || uv_dlsym(&file->lib, symbol, &component) != 0) {
		(void)snprintf(why, cap, "cannot load the component kith-%s.so: %s", name, uv_dlerror(&file->lib));
		return KITH_ENOTSUP;
	}
	const struct kith_component *c = component;
	if (strcmp(c->version, KITH_LIBRARY_VERSION) != 0) {
		(void)snprintf(why, cap, "the component %s is of version %s, libkith is of " KITH_LIBRARY_VERSION, path,
			       c->version);
		return KITH_ENOTSUP;
	}
	file->component = c;
	return 0;
}

int kith_component_load(struct kith_component_file *file, const char *name, char *why, size_t cap)
{
	char path[PATH_LEN];
	if (file->component != NULL)
		return 0;
	if (is_static()) {
		(void)snprintf(why, cap, "the component kith-%s.so cannot be loaded by a static program", name);
		return KITH_ENOTSUP;
	}
	if (!find(path, name)) {
		(void)snprintf(why, cap,
			       "the component kith-%s.so is not installed (of a build of libkith without it, or in a "
			       "directory that is not the library's: see " KITH_COMPONENT_PATH_ENV ")",
			       name);
		return KITH_ENOTSUP;
	}
	int err = open_file(file, path, name, why, cap);
	if (err != 0)
		uv_dlclose(&file->lib);
	return err;
}

void kith_component_unload(struct kith_component_file *file)
{
	if (file->component != NULL)
		uv_dlclose(&file->lib);
	file->component = NULL;
}
