/* clock: see the header. */
#include "clock.h"

#include "pelt/clock.h"

uint64_t agent_clock_ns(void)
{
    return pelt_clock_ns();
}
