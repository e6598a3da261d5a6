/* admission: see the header. */
#include "admission.h"

#include <assert.h>

#include <microhttpd.h>

static const char *value(const struct target_admission *admission, enum MHD_ValueKind kind,
                         const char *name)
{
    return admission->connection ? MHD_lookup_connection_value(admission->connection, kind, name)
                                 : NULL;
}

const char *target_admission_header(const struct target_admission *admission, const char *name)
{
    return value(admission, MHD_HEADER_KIND, name);
}

const char *target_admission_query(const struct target_admission *admission, const char *name)
{
    return value(admission, MHD_GET_ARGUMENT_KIND, name);
}

void target_resume(struct target_admission *admission)
{
    assert(admission->mailbox);
    target_mailbox_post(admission->mailbox, &admission->resumed);
}
