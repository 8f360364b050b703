#pragma once

#include <libpq-fe.h>

// PQresultErrorField takes character-literal macros, which Swift does not import.
static inline const char *sluice_sqlstate(const PGresult *result) { return PQresultErrorField(result, PG_DIAG_SQLSTATE); }
static inline const char *sluice_primary_message(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
}
static inline const char *sluice_constraint(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
}
// Tells reasons apart that share a SQLSTATE, whatever language the server's messages are in.
static inline const char *sluice_source_function(const PGresult *result) {
    return PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
}

// Notices would go to standard error.
static inline void sluice_drop_notice(void *context, const PGresult *result) {
    (void)context;
    (void)result;
}
static inline void sluice_silence_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, sluice_drop_notice, 0);
}
