/*
 * parcels: see the header.
 */
#include "parcels.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pelt/bus_keys.h"
#include "pelt/run_key.h"

enum pelt_status pelt_parcels_put(struct pelt_bus *bus, const char *run, struct pelt_parcel *parcel,
                                  const char *name, struct pelt_span content,
                                  struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE], hex[65];
    enum pelt_status status = pelt_parcel_add(parcel, pelt_span_of(name), content, err);
    if (status != PELT_OK) {
        return status;
    }
    pelt_bus_key(key, run, PELT_BUS_FILES);
    pelt_sha256_hex(pelt_parcel_find(parcel, name)->sha256, hex);
    status = pelt_bus_hset(bus, key, pelt_span_of(hex), content, err);
    if (status == PELT_OK) {
        pelt_bus_put_expire(bus, key, PELT_BUS_KEPT_S);
        status = pelt_bus_flush(bus, err);
    }
    return status;
}

static enum pelt_status read_all(const char *path, struct pelt_buf *out, struct pelt_error *err)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return pelt_fail(err, PELT_EINVAL, "%s: %s", path, strerror(errno));
    }
    enum pelt_status status = PELT_OK;
    size_t got = 1;
    while (status == PELT_OK && got > 0) {
        status = pelt_buf_reserve(out, 65536);
        got = status == PELT_OK ? fread(out->data + out->len, 1, 65536, file) : 0;
        out->len += got;
    }
    if (status != PELT_OK) {
        status = pelt_fail(err, PELT_ELIMIT,
                           "%s: larger than %zu MiB, which is the most that is sent to workers",
                           path, PELT_PARCEL_FILE_MAX >> 20);
    } else if (ferror(file)) {
        status = pelt_fail(err, PELT_EINVAL, "%s: %s", path, strerror(errno));
    }
    fclose(file);
    return status;
}

enum pelt_status pelt_parcels_put_file(struct pelt_bus *bus, const char *run,
                                       struct pelt_parcel *parcel, const char *path,
                                       struct pelt_error *err)
{
    struct pelt_buf content;
    pelt_buf_init(&content, PELT_PARCEL_FILE_MAX + 65536);
    enum pelt_status status = read_all(path, &content, err);
    if (status == PELT_OK) {
        status = pelt_parcels_put(bus, run, parcel, path + strspn(path, "/"),
                                  pelt_span(content.data, content.len), err);
    }
    pelt_buf_deinit(&content);
    return status;
}

enum pelt_status pelt_parcels_fetch(struct pelt_bus *bus, const char *run,
                                    const struct pelt_parcel *parcel, int folder_fd,
                                    struct pelt_error *err)
{
    char key[PELT_BUS_KEY_SIZE], hex[65];
    enum pelt_status status = PELT_OK;
    pelt_bus_key(key, run, PELT_BUS_FILES);
    for (size_t i = 0; i < parcel->len && status == PELT_OK; i++) {
        struct pelt_span content;
        pelt_sha256_hex(parcel->file[i].sha256, hex);
        status = pelt_bus_hget(bus, key, pelt_span_of(hex), &content, err);
        if (status == PELT_ENOTFOUND) {
            return pelt_fail(err, PELT_EIO, "%s: the bus has lost it", parcel->file[i].name);
        }
        if (status == PELT_OK) {
            status = pelt_parcel_unpack(folder_fd, &parcel->file[i], content, err);
        }
    }
    return status;
}
