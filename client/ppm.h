/* ppm.h - writes a picture as binary PPM (P6). Rules as in filetype.h. */
#ifndef CLIENT_PPM_H
#define CLIENT_PPM_H

#include "client/outfile.h"
#include "client/picture.h"

/* The picture's format must be rgb8. */
enum brot_err ppm_write(struct picture *picture, struct outfile *outfile, struct brot_error *err);

#endif
