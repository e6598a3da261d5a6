/* journal: see the header. */
#include "journal.h"

#include "events.h"
#include "jsonlog.h"
#include "truthlog.h"

#define MEMBERS_BYTES 384

bool target_journal_init(struct target_journal *journal, int truth_fd, int json_fd)
{
    bool has_truth = target_lines_init(&journal->truth, truth_fd);

    journal->events = NULL;
    return target_lines_init(&journal->json, json_fd) && has_truth;
}

void target_journal_deinit(struct target_journal *journal)
{
    target_lines_deinit(&journal->truth);
    target_lines_deinit(&journal->json);
}

static void publish(struct target_journal *journal, uint64_t now_ns, uint64_t at_ns,
                    const char *system, const char *event, const char *members)
{
    struct target_bus *bus = journal->events ? target_events_bus(journal->events) : NULL;

    if (bus) {
        target_bus_publish(bus, system, event, members + (members[0] == ','), at_ns, now_ns);
    }
}

void target_journal_event_of(struct target_place place, struct target_journal *journal,
                             uint64_t now_ns, uint64_t at_ns, const char *system, const char *event,
                             const char *fmt, ...)
{
    char members[MEMBERS_BYTES];
    va_list args;

    if (!journal) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(members, sizeof members, fmt, args);
    va_end(args);
    target_truthlog_event(&journal->truth, now_ns, at_ns, system, event, members);
    target_jsonlog_event(&journal->json, place, now_ns, system, event, members);
    publish(journal, now_ns, at_ns, system, event, members);
}

void target_journal_tick(struct target_journal *journal, uint64_t now_ns)
{
    target_lines_tick(&journal->truth, now_ns);
    target_lines_tick(&journal->json, now_ns);
}

uint64_t target_journal_due_ns(const struct target_journal *journal)
{
    uint64_t truth_ns = journal->truth.flush_due_ns, json_ns = journal->json.flush_due_ns;

    return truth_ns < json_ns ? truth_ns : json_ns;
}
