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

struct target_cache_say *target_admission_say(struct target_admission *admission, const char *name,
                                              enum target_cache_note note)
{
    struct target_cache_say *say;

    if (admission->says == TARGET_SAYS_MAX) {
        return NULL;
    }
    say = &admission->say[admission->says++];
    *say = (struct target_cache_say){.name = name, .note = note};
    return say;
}

void target_admission_span(struct target_admission *admission, const char *name, uint64_t wait_ns,
                           uint64_t call_ns)
{
    if (admission->spans < TARGET_SPANS_MAX) {
        admission->span[admission->spans++] =
            (struct target_span){.name = name, .wait_ns = wait_ns, .call_ns = call_ns};
    }
}

void target_resume(struct target_admission *admission)
{
    assert(admission->mailbox);
    target_mailbox_post(admission->mailbox, &admission->resumed);
}
