// libcurl, for downloads. curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call: one
// function here for each type of argument.
#ifndef VITVIDEO_CCURL_SHIM_H
#define VITVIDEO_CCURL_SHIM_H

#include <curl/curl.h>

static inline CURLcode vv_curl_set_long(CURL *handle, CURLoption option, long value) {
    return curl_easy_setopt(handle, option, value);
}

// libcurl copies strings.
static inline CURLcode vv_curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return curl_easy_setopt(handle, option, value);
}

// For error buffers, header lists and what callbacks are given: libcurl keeps the pointer.
static inline CURLcode vv_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
    return curl_easy_setopt(handle, option, value);
}

// Writers of the body and of the headers have the same type.
static inline CURLcode vv_curl_set_writer(CURL *handle, CURLoption option, curl_write_callback callback) {
    return curl_easy_setopt(handle, option, callback);
}

static inline CURLcode vv_curl_set_progress(CURL *handle, curl_xferinfo_callback callback) {
    return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, callback);
}

static inline CURLcode vv_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return curl_easy_getinfo(handle, info, value);
}

// The string belongs to the handle.
static inline CURLcode vv_curl_get_string(CURL *handle, CURLINFO info, char **value) {
    return curl_easy_getinfo(handle, info, value);
}

// A macro with a cast, which Swift does not import.
static inline CURLcode vv_curl_global_init(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }

#endif
