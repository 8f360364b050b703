#pragma once

// OpenVINO's C API as a table of function pointers that is filled at run time: nothing links libopenvino_c, so programs that
// embed nothing start without it and say clearly what is missing when they do need it.

#include <dlfcn.h>
#include <openvino/c/openvino.h>
#include <stddef.h>

#define SLUICE_OPENVINO_FUNCTIONS(use)         \
    use(ov_get_openvino_version)               \
    use(ov_version_free)                       \
    use(ov_get_last_err_msg)                   \
    use(ov_free)                               \
    use(ov_core_create)                        \
    use(ov_core_free)                          \
    use(ov_core_add_extension)                 \
    use(ov_core_read_model)                    \
    use(ov_core_read_model_from_memory_buffer) \
    use(ov_core_compile_model_props)           \
    use(ov_model_free)                         \
    use(ov_compiled_model_inputs_size)         \
    use(ov_compiled_model_outputs_size)        \
    use(ov_compiled_model_input_by_index)      \
    use(ov_compiled_model_output_by_index)     \
    use(ov_compiled_model_create_infer_request) \
    use(ov_compiled_model_get_property)        \
    use(ov_compiled_model_free)                \
    use(ov_port_get_any_name)                  \
    use(ov_output_const_port_free)             \
    use(ov_infer_request_set_tensor)           \
    use(ov_infer_request_get_tensor)           \
    use(ov_infer_request_infer)                \
    use(ov_infer_request_free)                 \
    use(ov_tensor_create)                      \
    use(ov_tensor_create_from_string_array)    \
    use(ov_tensor_get_shape)                   \
    use(ov_tensor_get_element_type)            \
    use(ov_tensor_data)                        \
    use(ov_tensor_free)                        \
    use(ov_shape_free)

#define SLUICE_OPENVINO_MEMBER(name) __typeof__(name) *name;

/// Every function has the type that the headers give it.
struct sluice_openvino {
    SLUICE_OPENVINO_FUNCTIONS(SLUICE_OPENVINO_MEMBER)
};

#undef SLUICE_OPENVINO_MEMBER

/// Opens the library and fills the table. Returns NULL, or the loader's message or the name of a function that is missing; valid
/// until the thread's next dl call. The library stays open for the life of the process: OpenVINO leaves threads behind.
static inline const char *sluice_openvino_load(const char *path, struct sluice_openvino *table) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return dlerror();
#define SLUICE_OPENVINO_FIND(name)                                            \
    *(void **)&table->name = dlsym(library, #name);                           \
    if (table->name == NULL) return #name " is missing from the library";
    SLUICE_OPENVINO_FUNCTIONS(SLUICE_OPENVINO_FIND)
#undef SLUICE_OPENVINO_FIND
    return NULL;
}

#undef SLUICE_OPENVINO_FUNCTIONS
