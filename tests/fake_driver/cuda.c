// Stands in for libcuda.so.1: one device whose memory is the host's, everything done at once.
#include <stdlib.h>
#include <string.h>

#include "driver_abi.h"

static int context, event;
static long long live_bytes, peak_bytes;
static int streams, allocation_fails;

typedef struct {
  size_t bytes;
  char padding[256 - sizeof(size_t)];  // a device's memory begins at multiples of 256
} Header;

// ---- for the tests ----

// Bytes of device memory in use, and the most at any time.
API void fake_cuda_memory(long long* live, long long* peak) {
  *live = __atomic_load_n(&live_bytes, __ATOMIC_SEQ_CST);
  *peak = __atomic_load_n(&peak_bytes, __ATOMIC_SEQ_CST);
}

API void fake_cuda_allocation_fails(int fails) { allocation_fails = fails; }

// ---- the driver ----

static Result allocate(DevicePointer* address, size_t bytes) {
  Header* header;
  if (allocation_fails || posix_memalign((void**)&header, 256, sizeof(Header) + bytes))
    return OUT_OF_MEMORY;
  header->bytes = bytes;
  const long long live = __atomic_add_fetch(&live_bytes, (long long)bytes, __ATOMIC_SEQ_CST);
  if (live > peak_bytes) peak_bytes = live;
  *address = (DevicePointer)(header + 1);
  return SUCCESS;
}

static Result release(DevicePointer address) {
  if (!address) return SUCCESS;
  Header* header = (Header*)address - 1;
  __atomic_sub_fetch(&live_bytes, (long long)header->bytes, __ATOMIC_SEQ_CST);
  memset((void*)address, 0xEE, header->bytes);
  free(header);
  return SUCCESS;
}

static Result copy(const Copy2D* c) {
  const char* from = c->src_type == MEMORY_HOST ? c->src_host : (const char*)c->src_device;
  char* to = c->dst_type == MEMORY_HOST ? c->dst_host : (char*)c->dst_device;
  for (size_t row = 0; row < c->height; ++row)
    memcpy(to + (row + c->dst_y) * c->dst_pitch + c->dst_x,
           from + (row + c->src_y) * c->src_pitch + c->src_x, c->width);
  return SUCCESS;
}

API Result cuInit(unsigned flags) { return flags ? INVALID_VALUE : SUCCESS; }
API Result cuDriverGetVersion(int* version) { return *version = 13000, SUCCESS; }
API Result cuDeviceGetCount(int* count) { return *count = 1, SUCCESS; }
API Result cuDeviceGet(int* device, int ordinal) {
  return *device = ordinal, ordinal ? 101 /* invalid device */ : SUCCESS;
}
API Result cuDeviceGetName(char* name, int length, int device) {
  (void)device;
  return strncpy(name, "fake", (size_t)length), SUCCESS;
}
API Result cuDevicePrimaryCtxRetain(void** made, int device) {
  (void)device;
  return *made = &context, SUCCESS;
}
API Result cuDevicePrimaryCtxRelease_v2(int device) { return (void)device, SUCCESS; }
API Result cuCtxCreate_v2(void** made, unsigned flags, int device) {
  (void)flags, (void)device;
  return *made = &context, SUCCESS;
}
API Result cuCtxDestroy_v2(void* old) { return (void)old, SUCCESS; }
API Result cuCtxPushCurrent_v2(void* pushed) { return (void)pushed, SUCCESS; }
API Result cuCtxPopCurrent_v2(void** popped) {
  if (popped) *popped = &context;
  return SUCCESS;
}
API Result cuCtxGetDevice(int* device) { return *device = 0, SUCCESS; }
API Result cuStreamCreate(void** stream, unsigned flags) {
  (void)flags;
  return *stream = (void*)(intptr_t)(0x1000 + ++streams), SUCCESS;
}
API Result cuStreamDestroy_v2(void* stream) { return (void)stream, SUCCESS; }
API Result cuStreamSynchronize(void* stream) { return (void)stream, SUCCESS; }
API Result cuStreamGetCtx(void* stream, void** found) {
  (void)stream;
  return *found = &context, SUCCESS;
}
API Result cuStreamWaitEvent(void* stream, void* awaited, unsigned flags) {
  (void)stream, (void)awaited, (void)flags;
  return SUCCESS;
}
API Result cuEventCreate(void** made, unsigned flags) {
  (void)flags;
  return *made = &event, SUCCESS;
}
API Result cuEventDestroy_v2(void* old) { return (void)old, SUCCESS; }
API Result cuEventRecord(void* recorded, void* stream) {
  (void)recorded, (void)stream;
  return SUCCESS;
}
API Result cuEventSynchronize(void* awaited) { return (void)awaited, SUCCESS; }
API Result cuGetErrorName(Result code, const char** name) {
  *name = code == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE";
  return SUCCESS;
}
API Result cuGetErrorString(Result code, const char** text) {
  *text = code == OUT_OF_MEMORY ? "out of memory" : "an error that a test asked for";
  return SUCCESS;
}
API Result cuMemAlloc_v2(DevicePointer* address, size_t bytes) { return allocate(address, bytes); }
API Result cuMemAllocAsync(DevicePointer* address, size_t bytes, void* stream) {
  (void)stream;
  return allocate(address, bytes);
}
API Result cuMemAllocPitch_v2(DevicePointer* address, size_t* pitch, size_t width, size_t height,
                              unsigned element) {
  (void)element;
  *pitch = (width + 511) / 512 * 512;
  return allocate(address, *pitch * height);
}
API Result cuMemFree_v2(DevicePointer address) { return release(address); }
API Result cuMemFreeAsync(DevicePointer address, void* stream) {
  (void)stream;
  return release(address);
}
API Result cuMemcpy2D_v2(const Copy2D* c) { return copy(c); }
API Result cuMemcpy2DAsync_v2(const Copy2D* c, void* stream) { return (void)stream, copy(c); }
API Result cuMemcpyDtoH_v2(void* to, DevicePointer from, size_t bytes) {
  return memcpy(to, (const void*)from, bytes), SUCCESS;
}
API Result cuMemcpyDtoHAsync_v2(void* to, DevicePointer from, size_t bytes, void* stream) {
  (void)stream;
  return cuMemcpyDtoH_v2(to, from, bytes);
}
API Result cuMemcpyHtoD_v2(DevicePointer to, const void* from, size_t bytes) {
  return memcpy((void*)to, from, bytes), SUCCESS;
}
API Result cuPointerGetAttribute(void* value, int attribute, DevicePointer address) {
  (void)attribute, (void)address;
  return *(int*)value = 0, SUCCESS;
}
