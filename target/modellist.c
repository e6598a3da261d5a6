/* modellist: see the header. */
#include "modellist.h"

#include "quantity.h"

#define BETWEEN      ", \t"
#define FIELD_BYTES  32
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/@+"

/* Takes the text up to the next colon or the end. False: there is none, or it is too long. */
static bool next_field(const char **at, char *field, size_t bytes)
{
    size_t length = strcspn(*at, ":");

    if (length == 0 || length >= bytes) {
        return false;
    }
    memcpy(field, *at, length);
    field[length] = '\0';
    *at += length;
    *at += **at == ':' && (*at)[1] != '\0';
    return true;
}

static bool next_time(const char **at, uint64_t *ns)
{
    char field[FIELD_BYTES];

    return next_field(at, field, sizeof field) && target_quantity_duration(field, ns);
}

static bool parse_model(struct target_model *model, const char *text)
{
    char bytes[FIELD_BYTES];

    *model = (struct target_model){.ttl_ns = UINT64_MAX};
    return next_field(&text, model->name, sizeof model->name) &&
           model->name[strspn(model->name, NAME_LETTERS)] == '\0' &&
           next_field(&text, bytes, sizeof bytes) && target_quantity_size(bytes, &model->bytes) &&
           model->bytes > 0 && next_time(&text, &model->load_ns) &&
           (*text == '\0' || next_time(&text, &model->ttl_ns)) && *text == '\0' &&
           model->ttl_ns > 0;
}

static bool add_model(struct target_modellist *list, const char *text, struct target_error *err)
{
    struct target_model *model = &list->model[list->count];

    if (list->count == TARGET_MODELS_MAX) {
        return target_fail(err, "\"%.60s\" is one model too many; there may be %d", text,
                           TARGET_MODELS_MAX);
    }
    if (!parse_model(model, text)) {
        return target_fail(err,
                           "\"%.100s\" is not a model; try small:2g:400ms (name, memory, time to "
                           "load), or small:2g:400ms:5m to unload it after 5 minutes",
                           text);
    }
    if (target_modellist_find(list, model->name) < list->count) {
        return target_fail(err, "\"%s\" is there twice; each model needs a name of its own",
                           model->name);
    }
    list->count++;
    return true;
}

bool target_modellist_parse(struct target_modellist *list, const char *text,
                            struct target_error *err)
{
    memset(list, 0, sizeof *list);
    for (text += strspn(text, BETWEEN); *text; text += strspn(text, BETWEEN)) {
        char one[160];
        size_t length = strcspn(text, BETWEEN);

        snprintf(one, sizeof one, "%.*s", (int)(length < sizeof one ? length : sizeof one), text);
        if (!add_model(list, one, err)) {
            return false;
        }
        text += length;
    }
    return true;
}

static void print_model(const struct target_model *model, char *text, size_t bytes)
{
    char size[32], load[32], ttl[32];

    target_quantity_print_size(model->bytes, size, sizeof size);
    target_quantity_print_duration(model->load_ns, load, sizeof load);
    target_quantity_print_duration(model->ttl_ns, ttl, sizeof ttl);
    snprintf(text, bytes, "%s:%s:%s%s%s", model->name, size, load,
             model->ttl_ns < UINT64_MAX ? ":" : "", model->ttl_ns < UINT64_MAX ? ttl : "");
}

size_t target_modellist_print(const struct target_modellist *list, char *text, size_t bytes)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        size_t at = used < bytes ? used : bytes;
        char one[160];

        print_model(&list->model[i], one, sizeof one);
        used += (size_t)snprintf(text + at, bytes - at, "%s%s", i > 0 ? "," : "", one);
    }
    return used;
}

size_t target_modellist_find(const struct target_modellist *list, const char *name)
{
    size_t i = 0;

    while (i < list->count && strcmp(list->model[i].name, name) != 0) {
        i++;
    }
    return i;
}
