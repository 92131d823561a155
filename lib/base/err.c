#include <kith/close.h>
#include <kith/err.h>
#include <kith/role.h>

const char *kith_strerror(int err)
{
	switch (err) {
	case 0:
		return "no error";
#define KITH_ERR_TEXT(name, value, text)                                                                               \
	case value:                                                                                                    \
		return text;
		KITH_ERRNO_MAP(KITH_ERR_TEXT)
#undef KITH_ERR_TEXT
	}
	return "unknown error";
}

const char *kith_err_name(int err)
{
	switch (err) {
	case 0:
		return "OK";
#define KITH_ERR_NAME(name, value, text)                                                                               \
	case value:                                                                                                    \
		return #name;
		KITH_ERRNO_MAP(KITH_ERR_NAME)
#undef KITH_ERR_NAME
	}
	return "UNKNOWN";
}

const char *kith_close_text(unsigned reason)
{
	switch (reason) {
#define KITH_CLOSE_CASE(name, value, text)                                                                             \
	case value:                                                                                                    \
		return text;
		KITH_CLOSE_MAP(KITH_CLOSE_CASE)
#undef KITH_CLOSE_CASE
	default:
		return "unknown reason";
	}
}

const char *kith_role_reason_text(unsigned reason)
{
	static const char *const texts[] = {
#define KITH_ROLE_REASON_TEXT(symbol, name, serves, text) text,
		KITH_ROLE_REASON_MAP(KITH_ROLE_REASON_TEXT)
#undef KITH_ROLE_REASON_TEXT
	};
	return reason < KITH_ROLE_WHY_MAX ? texts[reason] : "unknown reason";
}

const char *kith_role_reason_name(unsigned reason)
{
	static const char *const names[] = {
#define KITH_ROLE_REASON_NAME(symbol, name, serves, text) name,
		KITH_ROLE_REASON_MAP(KITH_ROLE_REASON_NAME)
#undef KITH_ROLE_REASON_NAME
	};
	return reason < KITH_ROLE_WHY_MAX ? names[reason] : "unknown";
}
