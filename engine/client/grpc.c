/*
 * grpc: exchanges of gRPC, whose outcome is told behind the answer's body: as a field of the
 * trailer, or of the head where there is no body.
 */
#include "pelt/grpc.h"

#include "internal.h"
#include "pelt/own_metric.h"

/* The fields of the trailer join those of the head: whoever reads an answer finds them in one
 * place.
 */
void pelt_conn_grpc_trailer(struct pelt_conn *c, struct pelt_span fields)
{
    struct pelt_buf *head = c->keep != NULL ? &c->keep->head : NULL;
    if (head == NULL || head->len < 2 || c->head_lost) {
        return;
    }
    head->len -= 2; /* of the blank line */
    c->head_lost = pelt_buf_add(head, fields.ptr, fields.len) != PELT_OK ||
                   pelt_buf_add(head, "\r\n", 2) != PELT_OK;
}

/* A status other than OK. */
static void count(struct pelt_client *client, int status, uint64_t now_ns)
{
    char tags[PELT_TAGS_TEXT + 1];
    if (client->opt.metrics != NULL) {
        snprintf(tags, sizeof tags, "code=%s", pelt_grpc_status_name(status));
        pelt_recorder_counter(
            client->opt.recorder,
            pelt_own_metric_series(client->opt.metrics, PELT_OWN_GRPC_STATUSES, tags), 1, now_ns);
    }
}

enum pelt_outcome pelt_conn_grpc_judge(struct pelt_conn *c, const char **error, uint64_t now_ns)
{
    const struct pelt_request *request = c->request;
    struct pelt_client *client = pelt_conn_client(c);
    const struct pelt_span body = pelt_conn_body(c);
    const bool streamed = request->stream != NULL;
    int status;
    enum pelt_grpc_verdict verdict =
        pelt_grpc_judge(request->grpc, pelt_conn_head(c), streamed ? NULL : &body, &status,
                        client->error_text, sizeof client->error_text);
    if (status != 0) {
        count(client, status, now_ns);
    } else if (verdict == PELT_GRPC_OK && streamed && request->stream->partial) {
        snprintf(client->error_text, sizeof client->error_text, "its last message is cut off");
        verdict = PELT_GRPC_BAD;
    }
    *error = verdict == PELT_GRPC_BAD || verdict == PELT_GRPC_LARGE ? client->error_text : NULL;
    return verdict == PELT_GRPC_OK       ? PELT_OUTCOME_OK
           : verdict == PELT_GRPC_STATUS ? PELT_OUTCOME_GRPC_STATUS
           : verdict == PELT_GRPC_LARGE  ? PELT_OUTCOME_BODY_TOO_LARGE
                                         : PELT_OUTCOME_BAD_BODY;
}
