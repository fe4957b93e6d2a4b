#include "jpeg_still.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
// Codes of libjpeg's messages.
#include <jerror.h>

// A picture with more scans than this was made to keep a decoder busy.
enum { MAX_SCANS = 500 };

typedef struct {
    struct jpeg_error_mgr manager;
    jmp_buf failure;
    int damaged;
} error_state;

static void fail(j_common_ptr info) { longjmp(((error_state *)info->err)->failure, 1); }

static void print_nothing(j_common_ptr info) { (void)info; }

// Takes notice of what costs samples. Other warnings speak of bytes between the parts of a file, which cameras
// leave there.
static void take_notice(j_common_ptr info, int level) {
    if (level >= 0) return;
    error_state *state = (error_state *)info->err;
    switch (info->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC: state->damaged = 1; break;
    default: break;
    }
}

static void count_scans(j_common_ptr info) {
    if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > MAX_SCANS) fail(info);
}

static void prepare(struct jpeg_decompress_struct *decoder, error_state *errors) {
    decoder->err = jpeg_std_error(&errors->manager);
    errors->manager.error_exit = fail;
    errors->manager.output_message = print_nothing;
    errors->manager.emit_message = take_notice;
    errors->damaged = 0;
}

static void describe(const struct jpeg_decompress_struct *decoder, cjpeg_picture *picture) {
    picture->height = (int32_t)decoder->image_height;
    picture->width = (int32_t)decoder->image_width;
    picture->components = decoder->num_components;
}

// Whether the picture is one that becomes RGB.
static int is_known(const struct jpeg_decompress_struct *decoder) {
    switch (decoder->jpeg_color_space) {
    case JCS_GRAYSCALE: return decoder->num_components == 1;
    case JCS_RGB:
    case JCS_YCbCr: return decoder->num_components == 3;
    case JCS_CMYK:
    case JCS_YCCK: return decoder->num_components == 4;
    default: return 0;
    }
}

int cjpeg_read_header(const uint8_t *bytes, size_t count, cjpeg_picture *picture) {
    struct jpeg_decompress_struct decoder;
    error_state errors;
    prepare(&decoder, &errors);
    if (setjmp(errors.failure)) {
        jpeg_destroy_decompress(&decoder);
        return -1;
    }
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, bytes, count);
    jpeg_read_header(&decoder, TRUE);
    describe(&decoder, picture);
    const int known = is_known(&decoder);
    jpeg_destroy_decompress(&decoder);
    return known ? 0 : -1;
}

// light · part / 255, rounded.
static inline unsigned scaled(unsigned light, unsigned part) {
    const unsigned product = light * part + 128;
    return ((product >> 8) + product) >> 8;
}

static void inks_to_rgb(const uint8_t *inks, uint8_t *rgb, unsigned width) {
    for (unsigned x = 0; x < width; x++, inks += 4, rgb += 3) {
        const unsigned light = inks[3];
        for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)(light - scaled(light, 255u - inks[c]));
    }
}

int cjpeg_decode(const uint8_t *bytes, size_t count, uint8_t *rgb, size_t row_bytes, cjpeg_picture *picture) {
    struct jpeg_decompress_struct decoder;
    struct jpeg_progress_mgr progress = {.progress_monitor = count_scans};
    error_state errors;
    volatile int rows = 0, is_open = 0;
    prepare(&decoder, &errors);
    if (setjmp(errors.failure)) {
        jpeg_destroy_decompress(&decoder);
        picture->damaged = 1;
        return is_open ? rows : -1;
    }
    jpeg_create_decompress(&decoder);
    decoder.progress = &progress;
    jpeg_mem_src(&decoder, bytes, count);
    jpeg_read_header(&decoder, TRUE);
    describe(&decoder, picture);
    const int has_inks = decoder.num_components == 4;
    decoder.out_color_space = has_inks ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&decoder);
    is_open = 1;
    // libjpeg frees it with the picture.
    JSAMPARRAY line = (*decoder.mem->alloc_sarray)(
        (j_common_ptr)&decoder, JPOOL_IMAGE, decoder.output_width * 4, 1);
    while (decoder.output_scanline < decoder.output_height) {
        JSAMPROW target = rgb + decoder.output_scanline * row_bytes;
        if (has_inks) {
            jpeg_read_scanlines(&decoder, line, 1);
            inks_to_rgb(line[0], target, decoder.output_width);
        } else {
            jpeg_read_scanlines(&decoder, &target, 1);
        }
        rows = (int)decoder.output_scanline;
    }
    // The rows are complete, whatever follows them.
    jpeg_finish_decompress(&decoder);
    picture->damaged = errors.damaged;
    jpeg_destroy_decompress(&decoder);
    return rows;
}
