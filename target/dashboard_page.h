/*
 * dashboard_page: the page at /, whole in itself: it asks for nothing from elsewhere.
 */
#ifndef TARGET_DASHBOARD_PAGE_H
#define TARGET_DASHBOARD_PAGE_H

extern const char target_dashboard_page[];

#endif
