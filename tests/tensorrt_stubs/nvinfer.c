/* Stands in for libnvinfer, so that TensorRT's Python package can be imported and looked at. */
#define ENTRY(name) \
    void* name(void) { return 0; }
ENTRY(createInferBuilder_INTERNAL)
ENTRY(createInferRefitter_INTERNAL)
ENTRY(createInferRuntime_INTERNAL)
ENTRY(getBuilderPluginRegistry)
ENTRY(getPluginRegistry)
