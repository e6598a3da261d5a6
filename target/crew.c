/* crew: see the header. */
#include "crew.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct member {
    struct target_crew *crew;
    pthread_mutex_t lock;
    pthread_cond_t has_news; /* a job, or the end */
    unsigned job;            /* not yet begun; 0: none */
    bool is_started, is_to_end;
    pthread_t thread;
};

struct target_crew {
    target_crew_job_fn run;
    void *cls;
    size_t members;
    struct member member[];
};

/* 0: the end, once all is done. */
static unsigned wait_for_job(struct member *member)
{
    unsigned job;

    pthread_mutex_lock(&member->lock);
    while (member->job == 0 && !member->is_to_end) {
        pthread_cond_wait(&member->has_news, &member->lock);
    }
    job = member->job;
    member->job = 0;
    pthread_mutex_unlock(&member->lock);
    return job;
}

static void *work(void *cls)
{
    struct member *member = cls;
    struct target_crew *crew = member->crew;
    unsigned job;

    while ((job = wait_for_job(member)) != 0) {
        crew->run(crew->cls, (size_t)(member - crew->member), job);
    }
    return NULL;
}

bool target_crew_give(struct target_crew *crew, size_t i, unsigned job)
{
    struct member *member = &crew->member[i];

    assert(i < crew->members && job != 0);
    pthread_mutex_lock(&member->lock);
    assert(member->job == 0 && !member->is_to_end);
    if (!member->is_started) {
        member->is_started = pthread_create(&member->thread, NULL, work, member) == 0;
    }
    if (member->is_started) {
        member->job = job;
        pthread_cond_signal(&member->has_news);
    }
    pthread_mutex_unlock(&member->lock);
    return member->is_started;
}

struct target_crew *target_crew_new(size_t members, target_crew_job_fn run, void *cls)
{
    struct target_crew *crew = calloc(1, sizeof *crew + members * sizeof crew->member[0]);

    if (!crew) {
        return NULL;
    }
    crew->run = run;
    crew->cls = cls;
    crew->members = members;
    for (size_t i = 0; i < members; i++) {
        crew->member[i].crew = crew;
        pthread_mutex_init(&crew->member[i].lock, NULL);
        pthread_cond_init(&crew->member[i].has_news, NULL);
    }
    return crew;
}

static void end(struct member *member)
{
    pthread_mutex_lock(&member->lock);
    member->is_to_end = true;
    pthread_cond_signal(&member->has_news);
    pthread_mutex_unlock(&member->lock);
    if (member->is_started) {
        pthread_join(member->thread, NULL);
    }
}

void target_crew_free(struct target_crew *crew)
{
    if (!crew) {
        return;
    }
    for (size_t i = 0; i < crew->members; i++) {
        end(&crew->member[i]);
        pthread_cond_destroy(&crew->member[i].has_news);
        pthread_mutex_destroy(&crew->member[i].lock);
    }
    free(crew);
}
