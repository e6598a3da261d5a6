/*
 * frame_record: what a FRAME message is made of.
 *
 *   kind, flags, second, part, records ... , END
 *
 *   RUN      what the second has one of: counters, slots, gauges             first part, once
 *   RUN_HIST histogram number, histogram
 *   REQUEST  name, whether it goes on from a REQUEST before it (then only with histograms),
 * counters, histograms, its slowest exchanges CHECK    name, passed, failed METRIC   name, type,
 * unit, decimals, tags, figures, histogram of a trend ERROR    name of the request, outcome, count,
 * first, last, sample, exchange SLOW     name of the request, one of the slowest exchanges of the
 * run THREAD   of one generator thread HOST     what happened to the host's CPU time TOTALS   in
 * flight, clock, totals                                        last part, once
 */
#ifndef PELT_FRAME_RECORD_H
#define PELT_FRAME_RECORD_H

enum pelt_frame_record {
    PELT_RECORD_END,
    PELT_RECORD_RUN,
    PELT_RECORD_RUN_HIST,
    PELT_RECORD_REQUEST,
    PELT_RECORD_CHECK,
    PELT_RECORD_METRIC,
    PELT_RECORD_ERROR,
    PELT_RECORD_SLOW,
    PELT_RECORD_THREAD,
    PELT_RECORD_HOST,
    PELT_RECORD_TOTALS
};

enum { PELT_PART_LAST = 1, PELT_PART_FRAME_LAST = 2, PELT_PART_FLAGS = 3 };

#endif
