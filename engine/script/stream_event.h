/*
 * stream_event: an event as scripts see it: a userdata with its texts copied inline; fields are
 * made when read.
 */
#ifndef PELT_STREAM_EVENT_H
#define PELT_STREAM_EVENT_H

#include "events.h"

void pelt_stream_event_open(lua_State *L); /* registers the type; once a state */
void pelt_stream_event_push(lua_State *L, const struct pelt_event *event);
/* Whether the event at `event` is what the option `first` at `first` asks for: a function, a JSON
 * pointer or a pattern. Raises what they raise. */
bool pelt_stream_event_matches(lua_State *L, int event, int first);

#endif
