/* Intrusive doubly linked lists. A link that is in no list points to itself. */
#ifndef KITH_BASE_LIST_H
#define KITH_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kith_link {
	struct kith_link *prev, *next;
};

static inline void kith_link_init(struct kith_link *l)
{
	l->prev = l->next = l;
}

static inline bool kith_link_empty(const struct kith_link *l)
{
	return l->next == l;
}

static inline void kith_link_remove(struct kith_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	kith_link_init(l);
}

/* Moves a link to the end of a list, from wherever it was. */
static inline void kith_link_append(struct kith_link *list, struct kith_link *l)
{
	kith_link_remove(l);
	l->prev = list->prev;
	l->next = list;
	list->prev->next = l;
	list->prev = l;
}

/* The element that a link is part of. */
#define KITH_LINKED(link, type, member) ((type *)(void *)((uint8_t *)(link)-offsetof(type, member)))

#endif
