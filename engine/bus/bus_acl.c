/*
 * bus_acl: see the header. Commands are named one by one; what is not named is denied. %R~ is
 * Redis 7's: keys that may be read only.
 */
#include "pelt/bus_acl.h"

#include <assert.h>

#include "pelt/bus_keys.h"

struct rules {
    const char *name;
    const char *keys; /* behind the run; blank-separated, '~' or '%R~' before each */
    const char *commands;
};

/* What any connection says first, and the clock. */
#define ANY "+auth +hello +ping +time +select"

static const struct rules RULES[PELT_BUS_ROLES] = {
    [PELT_BUS_WORKER] = {"worker",
                         "%R~ctl %R~lead %R~beat %R~files %R~ack:* ~w:* ~claim:* ~hb:* ~shared:*",
                         ANY " +xadd +xread +xinfo|stream +set +get +getex +hget +incrby +expire "
                             "+rpush +lpop +llen +memory|usage"},
    [PELT_BUS_COORDINATOR] = {"coordinator", "~*",
                              ANY " +xadd +xread +xinfo|stream +xtrim +set +get +getex +hset +hget "
                                  "+incrby +expire +rpush +lpop +llen +memory|usage"},
    [PELT_BUS_STEERER] = {"ctl", "%R~lead %R~beat %R~ctl ~ask", ANY " +xadd +xread +get"},
};

const char *pelt_bus_role_name(enum pelt_bus_role role)
{
    assert(role < PELT_BUS_ROLES);
    return RULES[role].name;
}

enum pelt_status pelt_bus_acl(enum pelt_bus_role role, const char *run, struct pelt_buf *out)
{
    assert(role < PELT_BUS_ROLES);
    pelt_buf_add_str(out, "resetkeys resetchannels -@all");
    for (const char *key = RULES[role].keys; *key != '\0';) {
        const char *tilde = strchr(key, '~') + 1, *end = tilde + strcspn(tilde, " ");
        pelt_buf_addf(out, " %.*spelt:{%s}:%.*s", (int)(tilde - key), key, run, (int)(end - tilde),
                      tilde);
        key = *end == ' ' ? end + 1 : end;
    }
    enum pelt_status status = pelt_buf_addf(out, " %s", RULES[role].commands);
    return out->failed ? PELT_ENOMEM : status;
}
