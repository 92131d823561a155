#include <kith/close.h>
#include <kith/err.h>

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
