/*
 * Lua writes an integer as text ("/item/" .. n) by snprintf("%lld"), which costs more than the rest
 * of such a concatenation. Where Lua is linked as an archive the linker sends its calls here
 * (--wrap, see CMakeLists.txt), and those of the rest of pelt: that one format is written directly,
 * every other goes on to the C library.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pelt/digits.h"

int __vsnprintf_chk(char *text, size_t size, int flag, size_t room, const char *format,
                    va_list args); /* the C library's, where it checks */
int __wrap___snprintf_chk(char *text, size_t size, int flag, size_t room, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static int write_integer(char *text, long long value)
{
    char digits[PELT_DIGITS_MAX], *end = digits + sizeof digits;
    const char *at = pelt_digits_before(end, value);
    size_t len = (size_t)(end - at);
    memcpy(text, at, len);
    text[len] = '\0';
    return (int)len;
}

/* `room`: the bytes that the compiler knows to be behind `text`. */
int __wrap___snprintf_chk(char *text, size_t size, int flag, size_t room, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool integer = size > PELT_DIGITS_MAX && strcmp(format, "%lld") == 0;
    int len = integer ? write_integer(text, va_arg(args, long long))
                      : __vsnprintf_chk(text, size, flag, room, format, args);
    va_end(args);
    return len;
}
