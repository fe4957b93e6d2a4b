// OpenSSL's message digests, for SHA-256 of weights.
#ifndef VITVIDEO_COPENSSL_SHIM_H
#define VITVIDEO_COPENSSL_SHIM_H

#include <openssl/evp.h>

#endif
