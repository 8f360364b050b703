#pragma once

#include <poppler.h>

/// POPPLER_ERROR is a macro over a call, which Swift does not import.
static inline int sluice_is_poppler_error(const GError *error, int code) {
    return error && error->domain == POPPLER_ERROR && error->code == code;
}

/// g_object_unref takes an untyped pointer; one name a type keeps the wrong pointer out.
static inline void sluice_release_document(PopplerDocument *document) { g_object_unref(document); }
static inline void sluice_release_page(PopplerPage *page) { g_object_unref(page); }
static inline void sluice_release_stream(GInputStream *stream) { g_object_unref(stream); }
