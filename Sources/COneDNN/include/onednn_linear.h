#ifndef VITVIDEO_ONEDNN_LINEAR_H
#define VITVIDEO_ONEDNN_LINEAR_H

#include <stdbool.h>
#include <stddef.h>

// A narrow door to oneDNN 2.x: linear layers with bias and sum fused. The library is opened with dlopen, so
// that the program also runs where it is missing. Every function may be called from several threads;
// products run on the calling thread alone.

typedef enum {
    VV_DNN_FLOAT32,
    VV_DNN_BFLOAT16,
    VV_DNN_UINT8,
    VV_DNN_INT32,
} vv_dnn_type;

typedef struct vv_dnn_layer vv_dnn_layer;

/// Opens the library once. Returns null, or what is wrong.
const char *vv_dnn_open(void);

/// Such as "2.6.3"; only after vv_dnn_open succeeded.
const char *vv_dnn_version(void);

/// The widest instruction set that the library uses here, such as "AVX2"; only after vv_dnn_open succeeded.
const char *vv_dnn_instruction_set(void);

/// Packs a layer: `weight` [outputs, inputs] and `bias` [outputs], which may be null, are copied into the
/// library's layout for inputs and weights of type `input` and outputs of type `output`. A layer that
/// accumulates adds to what is in its output. The weight is given in floats; for inputs of VV_DNN_UINT8, whose
/// outputs are of VV_DNN_INT32, in signed 8-bit integers. Opens the library if need be. Returns null if it cannot
/// be opened or refuses.
vv_dnn_layer *vv_dnn_layer_create(const void *weight, const float *bias, size_t outputs, size_t inputs,
                                  bool accumulates, vv_dnn_type input, vv_dnn_type output);

void vv_dnn_layer_destroy(vv_dnn_layer *layer);

/// Runs the layer over `rows` rows: `input` [rows, inputs], `output` [rows, outputs], both packed.
/// Kernels are made once per number of rows and kept. Returns false if the library fails.
bool vv_dnn_layer_apply(vv_dnn_layer *layer, size_t rows, const void *input, void *output);

#endif
