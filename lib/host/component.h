/* Parts of the library that are loaded only where they are used, as what they link is large: kith-<name>.so.
 *
 * A component is one table of functions. Its file exports it as kith_component_<name>, and lies in the directory that
 * the environment variable KITH_COMPONENT_PATH names, else in "kith" beside the object that this code is in, else where
 * an installed program that carries the library finds it: so an installed tree may be moved. Where nothing can be
 * loaded (a static program) it is refused like one that is not there.
 * Invariant: a table is used by the version of the library that it was built with, or not at all.
 * Never: a component that nobody asked for; a search in the system's library path.
 */
#ifndef KITH_HOST_COMPONENT_H
#define KITH_HOST_COMPONENT_H

#include <uv.h>

#include <kith/err.h>
#include <kith/types.h>

#define KITH_COMPONENT_PATH_ENV "KITH_COMPONENT_PATH"

/* What a component's file exports. */
struct kith_component {
	const char *version; /* of the library */
	const void *table; /* what it is of, the user of the component knows by its name */
};

/* One that was loaded; all zero: none. */
struct kith_component_file {
	uv_lib_t lib;
	const struct kith_component *component;
};

/* Loads the component of that name, unless it is loaded. Reads files, so it may block. KITH_ENOTSUP: why (cap bytes)
 * then names the component. */
int kith_component_load(struct kith_component_file *file, const char *name, char *why, size_t cap) KITH_MUST_USE;

/* Its table is not used any more. One that is not loaded is nothing. */
void kith_component_unload(struct kith_component_file *file);

#endif
