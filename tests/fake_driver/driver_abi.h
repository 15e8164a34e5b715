// The few types of NVIDIA's driver interface that the fake libraries need; layouts as in cuda.h,
// cuviddec.h and nvcuvid.h of the Video Codec SDK 11 and newer, on 64-bit Linux.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define API __attribute__((visibility("default")))

typedef int Result;
typedef unsigned long long DevicePointer;
enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_SUPPORTED = 801 };
enum { MEMORY_HOST = 1, MEMORY_DEVICE = 2 };

typedef struct {
  size_t src_x, src_y;
  int src_type;
  const void* src_host;
  DevicePointer src_device;
  void* src_array;
  size_t src_pitch;
  size_t dst_x, dst_y;
  int dst_type;
  void* dst_host;
  DevicePointer dst_device;
  void* dst_array;
  size_t dst_pitch;
  size_t width, height;
} Copy2D;

typedef struct {
  int left, top, right, bottom;
} Rectangle;

typedef struct {
  short left, top, right, bottom;
} ShortRectangle;

typedef struct {  // CUVIDEOFORMAT
  int codec;
  unsigned rate_numerator, rate_denominator;
  unsigned char progressive, luma_depth_minus8, chroma_depth_minus8, min_decode_surfaces;
  unsigned coded_width, coded_height;
  Rectangle display;
  int chroma;
  unsigned bitrate;
  int aspect_x, aspect_y;
  unsigned char signal[4];
  unsigned header_bytes;
} VideoFormat;

typedef struct {  // CUVIDSOURCEDATAPACKET
  unsigned long flags, size;
  const unsigned char* payload;
  long long timestamp;
} SourcePacket;
enum { PACKET_END_OF_STREAM = 1, PACKET_DISCONTINUITY = 4 };

typedef struct {  // CUVIDPARSERDISPINFO
  int picture, progressive, top_field_first, repeat_first_field;
  long long timestamp;
} DisplayInfo;

typedef struct {  // CUVIDPICPARAMS, with room for the codecs' own parameters
  int width_in_mbs, height_in_mbs, picture, field, bottom_field, second_field;
  unsigned bytes;
  const unsigned char* data;
  unsigned slices;
  const unsigned* slice_offsets;
  int is_reference, is_intra;
  unsigned reserved[30];
  unsigned codec[1024];
} PictureParameters;

typedef struct {  // CUVIDPARSERPARAMS
  int codec;
  unsigned max_decode_surfaces, clock_rate, error_threshold, max_display_delay, flags;
  unsigned reserved[4];
  void* user;
  int (*on_sequence)(void*, VideoFormat*);
  int (*on_decode)(void*, PictureParameters*);
  int (*on_display)(void*, DisplayInfo*);
  void* other_callbacks[8];
} ParserParameters;

typedef struct {  // CUVIDDECODECAPS
  int codec, chroma;
  unsigned depth_minus8, reserved1[3];
  unsigned char supported, engines;
  unsigned short formats;
  unsigned max_width, max_height, max_macroblocks;
  unsigned short min_width, min_height;
  unsigned char histogram, counter_bits;
  unsigned short bins;
  unsigned reserved2[10];
} DecodeCaps;

typedef struct {  // CUVIDDECODECREATEINFO
  unsigned long width, height, surfaces;
  int codec, chroma;
  unsigned long flags, depth_minus8, intra_only, max_width, max_height, reserved1;
  ShortRectangle display;
  int format, deinterlace;
  unsigned long target_width, target_height, output_surfaces;
  void* lock;
  ShortRectangle target;
  unsigned long histogram, reserved2[4];
} DecoderSetup;

typedef struct {  // CUVIDRECONFIGUREDECODERINFO
  unsigned width, height, target_width, target_height, surfaces, reserved1[12];
  ShortRectangle display, target;
  unsigned reserved2[11];
} DecoderChange;

typedef struct {  // CUVIDGETDECODESTATUS
  int status;
  unsigned reserved[31];
  void* pointers[8];
} DecodeStatus;
