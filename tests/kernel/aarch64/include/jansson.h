/* jansson.h - what proto/request.h needs of Jansson where no library is linked. */
#ifndef TESTS_KERNEL_AARCH64_JANSSON_H
#define TESTS_KERNEL_AARCH64_JANSSON_H

typedef struct json_t json_t;

#endif
