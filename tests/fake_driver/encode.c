// Stands in for libnvidia-encode.so.1, which PyNvVideoCodec asks for its version even to decode.
#include "driver_abi.h"

API int NvEncodeAPIGetMaxSupportedVersion(uint32_t* version) {
  *version = 13 << 4;
  return 0;
}

API int NvEncodeAPICreateInstance(void* list) {
  (void)list;
  return 1;
}
