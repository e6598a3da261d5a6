/*
 * Part of ThreadSanitizer builds only. Debian's Lua is built with _FORTIFY_SOURCE, so its errors
 * and yields leave by glibc's
 * __longjmp_chk(), which GCC 12's ThreadSanitizer does not know: the frames left behind stay on its
 * own stack of 65,536 calls until that overflows into its book of clocks. longjmp() it does know.
 */
#include <setjmp.h>

__attribute__((noreturn)) void __longjmp_chk(struct __jmp_buf_tag *env, int value);

void __longjmp_chk(struct __jmp_buf_tag *env, int value)
{
    longjmp(env, value);
}
