/*
 * acks: see leader.h.
 */
#include "leader.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* What SQLite has written is on the disk, too, before anybody forgets it. */
static void sync_run_file(const struct pelt_fleet_coordinator *c)
{
    char wal[4200];
    if (c->opt.run_file == NULL) {
        return;
    }
    snprintf(wal, sizeof(wal), "%.4100s-wal", c->opt.run_file);
    const int fd = open(wal, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fdatasync(fd);
        close(fd);
    }
}

/* What the run has written since the last time. */
void pelt_leader_take_given(struct pelt_fleet_coordinator *c)
{
    struct pelt_mail *mail = pelt_mailbox_take(&c->given);
    if (mail != NULL) {
        sync_run_file(c);
        c->acks_due = true;
    }
    while (mail != NULL) {
        struct pelt_gather_letter *letter = (struct pelt_gather_letter *)mail;
        mail = mail->next;
        for (uint32_t i = 0; i < c->opt.workers; i++) {
            c->slots[i].acked = (struct pelt_bus_id){letter->upto[i].major, letter->upto[i].minor};
        }
        pelt_frame_free(letter->letter.frame);
        pelt_letter_free(&letter->letter);
    }
}

static void put_ack(struct pelt_fleet_coordinator *c, uint32_t i)
{
    char key[PELT_BUS_KEY_SIZE], text[80], id[PELT_BUS_ID_TEXT];
    const struct pelt_leader_slot *s = &c->slots[i];
    pelt_bus_slot_key(key, c->run, PELT_BUS_ACK, i);
    pelt_bus_id_format(s->acked, id);
    snprintf(text, sizeof(text), "%s %s", s->owner.incarnation, id);
    pelt_bus_put_set(c->bus, key, pelt_span_of(text), PELT_BUS_KEPT_S * UINT64_C(1000));
    pelt_bus_put_xtrim(c->bus, s->stream, s->acked);
}

enum pelt_status pelt_leader_acknowledge(struct pelt_fleet_coordinator *c, struct pelt_error *err)
{
    enum pelt_status status = PELT_OK;
    pelt_leader_take_given(c);
    for (uint32_t i = 0; c->acks_due && status == PELT_OK && i < c->opt.workers; i++) {
        put_ack(c, i);
        if (i % (PELT_BUS_PENDING_MAX / 4) == PELT_BUS_PENDING_MAX / 4 - 1) {
            status = pelt_bus_flush(c->bus, err);
        }
    }
    if (c->acks_due && status == PELT_OK) {
        status = pelt_bus_flush(c->bus, err);
        c->acks_due = status != PELT_OK;
    }
    return status;
}
