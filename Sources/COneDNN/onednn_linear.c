#include "onednn_linear.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

// The functions used, by their own names without the prefix.
#define FUNCTIONS(use)                                                                              \
    use(engine_create) use(stream_create) use(stream_destroy) use(stream_wait)                      \
    use(memory_desc_init_by_tag)                                                                    \
    use(matmul_desc_init) use(primitive_attr_create) use(primitive_attr_destroy)                    \
    use(primitive_attr_set_post_ops) use(primitive_attr_set_scratchpad_mode) use(post_ops_create)   \
    use(post_ops_destroy) use(post_ops_append_sum) use(primitive_desc_create)                       \
    use(primitive_desc_destroy) use(primitive_desc_query_md) use(primitive_create)                  \
    use(primitive_destroy) use(primitive_execute) use(memory_create) use(memory_destroy)            \
    use(memory_desc_get_size) use(reorder_primitive_desc_create) use(version)                     \
    use(get_effective_cpu_isa)

static struct {
#define DECLARE(name) __typeof__(&dnnl_##name) name;
    FUNCTIONS(DECLARE)
    void (*omp_set_num_threads)(int);
    dnnl_engine_t engine;
    char version_text[32];
    const char *error;
} dnn;

// What a thread keeps from one call to the next, until it ends.
typedef struct {
    dnnl_stream_t stream;
    void *scratchpad;  // grows to the largest kernel's need
    size_t capacity;
} thread_state;

// A thread-local variable would hold it too, but nothing would free it with the thread.
static pthread_key_t thread_state_key;

static void free_thread_state(void *ending) {
    thread_state *state = ending;
    if (state->stream) dnn.stream_destroy(state->stream);
    free(state->scratchpad);
    free(state);
}

static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void open_library(void) {
    // The handles are never closed: the library stays in use until the process ends.
    void *library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        dnn.error = "libdnnl.so.2 is not installed";
        return;
    }
#define LOAD(name)                                                                                  \
    if (!(dnn.name = (__typeof__(dnn.name))dlsym(library, "dnnl_" #name))) {                         \
        dnn.error = "libdnnl.so.2 has no dnnl_" #name;                                              \
        return;                                                                                     \
    }
    FUNCTIONS(LOAD)
    // Debian builds the library on OpenMP, whose setting belongs to the calling thread.
    dnn.omp_set_num_threads = (void (*)(int))dlsym(library, "omp_set_num_threads");
    const dnnl_version_t *version = dnn.version();
    snprintf(dnn.version_text, sizeof dnn.version_text, "%d.%d.%d", version->major, version->minor,
             version->patch);
    if (dnn.engine_create(&dnn.engine, dnnl_cpu, 0) != dnnl_success)
        dnn.error = "oneDNN has no CPU engine";
    else if (pthread_key_create(&thread_state_key, free_thread_state))
        dnn.error = "there is no room for what a thread keeps";
}

const char *vv_dnn_open(void) {
    pthread_once(&opened, open_library);
    return dnn.error;
}

const char *vv_dnn_version(void) { return dnn.version_text; }

const char *vv_dnn_instruction_set(void) {
    switch ((unsigned)dnn.get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41: return "SSE4.1";
    case dnnl_cpu_isa_avx: return "AVX";
    case dnnl_cpu_isa_avx2: return "AVX2";
    case dnnl_cpu_isa_avx2_vnni: return "AVX2 VNNI";
    case dnnl_cpu_isa_avx512_core: return "AVX-512";
    case dnnl_cpu_isa_avx512_core_vnni: return "AVX-512 VNNI";
    case dnnl_cpu_isa_avx512_core_bf16: return "AVX-512 BF16";
    case dnnl_cpu_isa_avx512_core_amx: return "AMX";
    default: return "any CPU";
    }
}

// A kernel for one number of rows.
typedef struct kernel {
    size_t rows;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t input, output, scratchpad;
    struct kernel *next;
} kernel;

struct vv_dnn_layer {
    size_t outputs, inputs;
    bool accumulates;
    dnnl_data_type_t input_type, weight_type, output_type;
    dnnl_memory_desc_t weight_layout;
    dnnl_memory_t weight, bias;  // bias and its values are null where there is none
    float *bias_values;
    pthread_mutex_t lock;  // guards `kernels`; a kernel itself never changes
    kernel *kernels;
};

// Rows for which weights are laid out and most products run.
#define TYPICAL_ROWS 256

static dnnl_data_type_t data_type(vv_dnn_type type) {
    switch (type) {
    case VV_DNN_FLOAT32: return dnnl_f32;
    case VV_DNN_BFLOAT16: return dnnl_bf16;
    case VV_DNN_UINT8: return dnnl_u8;
    case VV_DNN_INT32: return dnnl_s32;
    }
    return dnnl_data_type_undef;
}

static bool matrix(dnnl_memory_desc_t *layout, size_t rows, size_t columns, dnnl_data_type_t type,
                   dnnl_format_tag_t tag) {
    dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)columns};
    return dnn.memory_desc_init_by_tag(layout, 2, dims, type, tag) == dnnl_success;
}

static dnnl_primitive_desc_t describe(const vv_dnn_layer *layer, size_t rows,
                                      const dnnl_memory_desc_t *weight_layout) {
    dnnl_memory_desc_t input, weight, bias, output;
    if (!matrix(&input, rows, layer->inputs, layer->input_type, dnnl_ab) ||
        !matrix(&output, rows, layer->outputs, layer->output_type, dnnl_ab) ||
        !matrix(&bias, 1, layer->outputs, dnnl_f32, dnnl_ab) ||
        !matrix(&weight, layer->inputs, layer->outputs, layer->weight_type, dnnl_format_tag_any))
        return NULL;
    dnnl_matmul_desc_t operation;
    if (dnn.matmul_desc_init(&operation, &input, weight_layout ? weight_layout : &weight,
                             layer->bias_values ? &bias : NULL, &output) != dnnl_success)
        return NULL;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t post = NULL;
    dnnl_primitive_desc_t description = NULL;
    if (dnn.primitive_attr_create(&attributes) == dnnl_success &&
        dnn.post_ops_create(&post) == dnnl_success) {
        if (layer->accumulates) dnn.post_ops_append_sum(post, 1);
        dnn.primitive_attr_set_post_ops(attributes, post);
        // A scratchpad of the library's own could not serve two threads.
        dnn.primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
        if (dnn.primitive_desc_create(&description, &operation, attributes, dnn.engine, NULL) !=
            dnnl_success)
            description = NULL;
    }
    if (post) dnn.post_ops_destroy(post);
    if (attributes) dnn.primitive_attr_destroy(attributes);
    return description;
}

static kernel *make_kernel(const vv_dnn_layer *layer, size_t rows) {
    dnnl_primitive_desc_t description = describe(layer, rows, &layer->weight_layout);
    if (!description) return NULL;
    kernel *made = calloc(1, sizeof *made);
    if (made) {
        made->rows = rows;
        made->input = *dnn.primitive_desc_query_md(description, dnnl_query_src_md, 0);
        made->output = *dnn.primitive_desc_query_md(description, dnnl_query_dst_md, 0);
        made->scratchpad = *dnn.primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
        if (dnn.primitive_create(&made->primitive, description) != dnnl_success) {
            free(made);
            made = NULL;
        }
    }
    dnn.primitive_desc_destroy(description);
    return made;
}

static const kernel *kernel_for(vv_dnn_layer *layer, size_t rows) {
    pthread_mutex_lock(&layer->lock);
    kernel *found = layer->kernels;
    while (found && found->rows != rows) found = found->next;
    if (!found && (found = make_kernel(layer, rows))) {
        found->next = layer->kernels;
        layer->kernels = found;
    }
    pthread_mutex_unlock(&layer->lock);
    return found;
}

static thread_state *this_thread(void) {
    thread_state *state = pthread_getspecific(thread_state_key);
    if (state) return state;
    state = calloc(1, sizeof *state);
    if (state && pthread_setspecific(thread_state_key, state)) {
        free(state);
        return NULL;
    }
    return state;
}

// Runs a primitive on the calling thread alone and waits for it.
static bool execute(dnnl_primitive_t primitive, int count, const dnnl_exec_arg_t *arguments) {
    thread_state *state = this_thread();
    if (!state) return false;
    if (!state->stream) {
        if (dnn.omp_set_num_threads) dnn.omp_set_num_threads(1);
        if (dnn.stream_create(&state->stream, dnn.engine, dnnl_stream_default_flags) != dnnl_success)
            return false;
    }
    return dnn.primitive_execute(primitive, state->stream, count, arguments) == dnnl_success &&
           dnn.stream_wait(state->stream) == dnnl_success;
}

// Working space of the calling thread, at least `size` bytes; NULL where there is no memory.
static void *scratchpad(size_t size) {
    thread_state *state = this_thread();
    if (!state) return NULL;
    if (size > state->capacity) {
        free(state->scratchpad);
        state->scratchpad = aligned_alloc(64, (size + 63) / 64 * 64);
        state->capacity = state->scratchpad ? size : 0;
    }
    return state->scratchpad;
}

// Copies a row-major weight [outputs, inputs] into the layout the kernels want.
static bool pack_weight(vv_dnn_layer *layer, const void *weight) {
    dnnl_memory_desc_t plain;
    dnnl_memory_t source = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t reorder = NULL;
    bool done =
        matrix(&plain, layer->inputs, layer->outputs,
               layer->weight_type == dnnl_s8 ? dnnl_s8 : dnnl_f32, dnnl_ba) &&
        dnn.memory_create(&source, &plain, dnn.engine, (void *)weight) == dnnl_success &&
        dnn.memory_create(&layer->weight, &layer->weight_layout, dnn.engine, DNNL_MEMORY_ALLOCATE) ==
            dnnl_success &&
        dnn.reorder_primitive_desc_create(&description, &plain, dnn.engine, &layer->weight_layout,
                                          dnn.engine, NULL) == dnnl_success &&
        dnn.primitive_create(&reorder, description) == dnnl_success &&
        execute(reorder, 2,
                (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, layer->weight}});
    if (reorder) dnn.primitive_destroy(reorder);
    if (description) dnn.primitive_desc_destroy(description);
    if (source) dnn.memory_destroy(source);
    return done;
}

vv_dnn_layer *vv_dnn_layer_create(const void *weight, const float *bias, size_t outputs, size_t inputs,
                                  bool accumulates, vv_dnn_type input, vv_dnn_type output) {
    if (vv_dnn_open()) return NULL;
    vv_dnn_layer *layer = calloc(1, sizeof *layer);
    if (!layer) return NULL;
    layer->outputs = outputs;
    layer->inputs = inputs;
    layer->accumulates = accumulates;
    layer->input_type = data_type(input);
    layer->weight_type = input == VV_DNN_UINT8 ? dnnl_s8 : layer->input_type;
    layer->output_type = data_type(output);
    pthread_mutex_init(&layer->lock, NULL);
    bool done = true;
    if (bias) {
        dnnl_memory_desc_t layout;
        layer->bias_values = malloc(outputs * sizeof *bias);
        done = layer->bias_values && matrix(&layout, 1, outputs, dnnl_f32, dnnl_ab) &&
               dnn.memory_create(&layer->bias, &layout, dnn.engine, layer->bias_values) == dnnl_success;
        if (done) memcpy(layer->bias_values, bias, outputs * sizeof *bias);
    }
    dnnl_primitive_desc_t description = done ? describe(layer, TYPICAL_ROWS, NULL) : NULL;
    done = description != NULL;
    if (done) {
        layer->weight_layout = *dnn.primitive_desc_query_md(description, dnnl_query_weights_md, 0);
        dnn.primitive_desc_destroy(description);
        done = pack_weight(layer, weight);
    }
    if (done) return layer;
    vv_dnn_layer_destroy(layer);
    return NULL;
}

void vv_dnn_layer_destroy(vv_dnn_layer *layer) {
    if (!layer) return;
    for (kernel *each = layer->kernels; each;) {
        kernel *next = each->next;
        dnn.primitive_destroy(each->primitive);
        free(each);
        each = next;
    }
    if (layer->weight) dnn.memory_destroy(layer->weight);
    if (layer->bias) dnn.memory_destroy(layer->bias);
    free(layer->bias_values);
    pthread_mutex_destroy(&layer->lock);
    free(layer);
}

bool vv_dnn_layer_apply(vv_dnn_layer *layer, size_t rows, const void *input, void *output) {
    const kernel *kernel = kernel_for(layer, rows);
    if (!kernel) return false;
    size_t scratch_size = dnn.memory_desc_get_size(&kernel->scratchpad);
    void *space = scratch_size ? scratchpad(scratch_size) : NULL;
    if (scratch_size && !space) return false;
    dnnl_memory_t source = NULL, target = NULL, scratch = NULL;
    // An absent bias comes last, and is left out.
    int arguments = layer->bias ? 5 : 4;
    bool done =
        dnn.memory_create(&source, &kernel->input, dnn.engine, (void *)input) == dnnl_success &&
        dnn.memory_create(&target, &kernel->output, dnn.engine, output) == dnnl_success &&
        dnn.memory_create(&scratch, &kernel->scratchpad, dnn.engine, space) == dnnl_success &&
        execute(kernel->primitive, arguments,
                (dnnl_exec_arg_t[]){{DNNL_ARG_SRC, source},
                                    {DNNL_ARG_WEIGHTS, layer->weight},
                                    {DNNL_ARG_DST, target},
                                    {DNNL_ARG_SCRATCHPAD, scratch},
                                    {DNNL_ARG_BIAS, layer->bias}});
    if (source) dnn.memory_destroy(source);
    if (target) dnn.memory_destroy(target);
    if (scratch) dnn.memory_destroy(scratch);
    return done;
}
