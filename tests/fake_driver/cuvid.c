// Stands in for libnvcuvid.so.1: a parser and a decoder that know the pictures of one film.
//
// The tests give the pictures beforehand, decoded by FFmpeg. A packet is known by its last bytes,
// which do not change where parameter sets are put in front of it. As in the real one, a picture is
// decoded when the packet after it comes, pictures are shown in order of time from a buffer that
// holds a few, and the end of the stream shows the rest. A stream of H.264 or HEVC begins with a
// sequence parameter set behind a start code, or nothing is decoded. A picture whose references
// were not decoded comes out inverted.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver_abi.h"

enum { MPEG2 = 1, H264 = 4, HEVC = 8, VP8 = 9, VP9 = 10 };
enum { TAIL = 24, MOST_SURFACES = 32, ALIGNMENT = 512 };

typedef struct {  // the file of pictures: this, the records, then their planes
  int32_t width, height, coded_width, coded_height, depth, held, count, changes_at;
} Film;

typedef struct {
  uint64_t packet;  // FNV-1a of the last bytes
  int64_t rank;     // in order of time
  int32_t is_key, error;
} Record;

typedef struct {
  int record;  // -1: unknown
  int is_broken;
  long long timestamp;
} Picture;

typedef struct {
  ParserParameters parameters;
  VideoFormat format;
  int has_begun, last_fed, surfaces;
  int64_t first_rank;
  SourcePacket pending;  // not decoded until the next one comes
  Picture pictures[MOST_SURFACES];
  int is_held[MOST_SURFACES];
} Parser;

typedef struct {
  DecoderSetup setup;
  Picture pictures[MOST_SURFACES];
  unsigned char* mapped;
  size_t mapped_bytes;
} Decoder;

static const Film* film;
static size_t film_bytes;
static int next_creation_fails;

// Sessions made, sessions open, packets fed, pictures decoded, ends of stream.
static int counts[5];
enum { MADE, OPEN, FED, DECODED, ENDED };

static void count(int what, int change) {
  __atomic_add_fetch(&counts[what], change, __ATOMIC_SEQ_CST);
}

// ---- for the tests ----

API int fake_cuvid_load(const char* path) {
  if (film) munmap((void*)film, film_bytes);
  film = NULL;
  memset(counts, 0, sizeof counts);
  const int file = open(path, O_RDONLY);
  struct stat facts;
  if (file < 0 || fstat(file, &facts)) return 1;
  film_bytes = (size_t)facts.st_size;
  void* mapped = mmap(NULL, film_bytes, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return 1;
  film = mapped;
  return 0;
}

API void fake_cuvid_counts(int* out) { memcpy(out, counts, sizeof counts); }
API void fake_cuvid_creation_fails(int error) { next_creation_fails = error; }

// ---- what the film holds ----

static const Record* records(void) { return (const Record*)(film + 1); }

static size_t sample_bytes(void) { return film->depth > 8 ? 2 : 1; }

static const unsigned char* planes_of(int record) {
  const size_t rows = (size_t)film->coded_height * 3 / 2;
  const size_t bytes = rows * (size_t)film->coded_width * sample_bytes();
  return (const unsigned char*)(records() + film->count) + bytes * (size_t)record;
}

static int find(const unsigned char* data, size_t bytes) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (size_t i = bytes > TAIL ? bytes - TAIL : 0; i < bytes; ++i)
    hash = (hash ^ data[i]) * 0x100000001b3ull;
  for (int i = 0; i < film->count; ++i)
    if (records()[i].packet == hash) return i;
  return -1;
}

// ---- the parser ----

static int can_begin(int codec, const unsigned char* data, size_t bytes) {
  if (codec != H264 && codec != HEVC) return 1;
  for (size_t i = 0; i + 3 < bytes; ++i) {
    if (data[i] || data[i + 1] || data[i + 2] != 1) continue;
    if (codec == H264 ? (data[i + 3] & 31) == 7 : (data[i + 3] >> 1 & 63) == 33) return 1;
  }
  return 0;
}

static int begin_sequence(Parser* p, int is_changed) {
  VideoFormat* f = &p->format;
  memset(f, 0, sizeof *f);
  f->codec = p->parameters.codec;
  f->rate_numerator = 25, f->rate_denominator = 1;
  f->progressive = 1;
  f->luma_depth_minus8 = f->chroma_depth_minus8 = (unsigned char)(film->depth - 8);
  f->min_decode_surfaces = (unsigned char)(film->held + 3);
  f->coded_width = (unsigned)film->coded_width / (is_changed ? 2 : 1);
  f->coded_height = (unsigned)film->coded_height / (is_changed ? 2 : 1);
  f->display.right = film->width / (is_changed ? 2 : 1);
  f->display.bottom = film->height / (is_changed ? 2 : 1);
  f->chroma = 1;
  p->surfaces = p->parameters.on_sequence(p->parameters.user, f);
  return p->surfaces > 0;
}

static void show_first(Parser* p) {
  int best = -1;
  for (int i = 0; i < MOST_SURFACES; ++i) {
    if (!p->is_held[i]) continue;
    if (best < 0 ||
        records()[p->pictures[i].record].rank < records()[p->pictures[best].record].rank)
      best = i;
  }
  DisplayInfo shown = {.picture = best, .progressive = 1, .timestamp = p->pictures[best].timestamp};
  p->is_held[best] = 0;
  p->parameters.on_display(p->parameters.user, &shown);
}

static int held(const Parser* p) {
  int sum = 0;
  for (int i = 0; i < MOST_SURFACES; ++i) sum += p->is_held[i];
  return sum;
}

static Result decode_pending(Parser* p) {
  if (!p->pending.payload) return SUCCESS;
  int record = find(p->pending.payload, p->pending.size);
  if (!p->has_begun && !can_begin(p->parameters.codec, p->pending.payload, p->pending.size))
    record = -1;
  free((void*)p->pending.payload);
  p->pending.payload = NULL;
  if (record < 0) return SUCCESS;  // nothing that a parser takes for a picture
  const Record* facts = &records()[record];
  if (film->changes_at == record && !begin_sequence(p, 1)) return INVALID_VALUE;
  if (!p->has_begun) {
    if (!begin_sequence(p, 0)) return INVALID_VALUE;
    p->has_begun = 1, p->first_rank = facts->rank, p->last_fed = -2;
  }
  const int has_references = facts->is_key || p->last_fed == record - 1;
  Picture picture = {.record = record, .timestamp = p->pending.timestamp};
  picture.is_broken = !has_references || facts->rank < p->first_rank;
  if (has_references) p->last_fed = record;
  int free_one = 0;
  while (p->is_held[free_one]) ++free_one;
  p->pictures[free_one] = picture;
  PictureParameters parameters = {.picture = free_one, .is_intra = facts->is_key};
  parameters.data = (const unsigned char*)&picture;
  if (!p->parameters.on_decode(p->parameters.user, &parameters)) return INVALID_VALUE;
  p->is_held[free_one] = 1;
  while (held(p) > film->held) show_first(p);
  return SUCCESS;
}

API Result cuvidCreateVideoParser(void** made, ParserParameters* parameters) {
  Parser* p = calloc(1, sizeof *p);
  p->parameters = *parameters;
  *made = p;
  return SUCCESS;
}

API Result cuvidDestroyVideoParser(void* old) {
  free((void*)((Parser*)old)->pending.payload);
  free(old);
  return SUCCESS;
}

API Result cuvidParseVideoData(void* parser, SourcePacket* packet) {
  Parser* p = parser;
  if (packet->flags & PACKET_DISCONTINUITY) {  // all that was not shown yet is forgotten
    free((void*)p->pending.payload);
    p->pending.payload = NULL;
    memset(p->is_held, 0, sizeof p->is_held);
    p->has_begun = 0;
  }
  const Result result = decode_pending(p);
  if (packet->size) {
    unsigned char* kept = malloc(packet->size);
    memcpy(kept, packet->payload, packet->size);
    p->pending = *packet;
    p->pending.payload = kept;
    count(FED, 1);
  }
  if (packet->flags & PACKET_END_OF_STREAM) {
    decode_pending(p);
    while (held(p)) show_first(p);
    count(ENDED, 1);
  }
  return result;
}

// ---- the decoder ----

API Result cuvidGetDecoderCaps(DecodeCaps* c) {
  const int is_8_bits = c->depth_minus8 == 0, is_420 = c->chroma == 1;
  switch (c->codec) {  // as Hopper
    case MPEG2:
    case H264:
    case VP8:
      c->supported = is_420 && is_8_bits;
      break;
    case HEVC:
      c->supported = is_420 || c->chroma == 3;
      break;
    case VP9:
      c->supported = is_420;
      break;
    default:
      c->supported = 0;
  }
  c->engines = 7;
  c->formats = 3;
  c->max_width = c->max_height = c->codec == HEVC || c->codec == VP9 ? 8192 : 4096;
  c->max_macroblocks = c->max_width * (c->max_height / 256);
  c->min_width = c->codec == HEVC ? 144 : c->codec == VP9 ? 128 : 48;
  c->min_height = c->codec == HEVC ? 144 : c->codec == VP9 ? 128 : 16;
  return SUCCESS;
}

API Result cuvidCreateDecoder(void** made, DecoderSetup* setup) {
  if (next_creation_fails) return next_creation_fails;
  if (setup->surfaces > MOST_SURFACES) return INVALID_VALUE;
  Decoder* d = calloc(1, sizeof *d);
  d->setup = *setup;
  *made = d;
  count(MADE, 1), count(OPEN, 1);
  return SUCCESS;
}

API Result cuvidDestroyDecoder(void* old) {
  free(((Decoder*)old)->mapped);
  free(old);
  count(OPEN, -1);
  return SUCCESS;
}

API Result cuvidReconfigureDecoder(void* decoder, DecoderChange* change) {
  Decoder* d = decoder;
  if (change->width > d->setup.max_width || change->height > d->setup.max_height)
    return INVALID_VALUE;
  d->setup.width = change->width, d->setup.height = change->height;
  d->setup.target_width = change->target_width, d->setup.target_height = change->target_height;
  return SUCCESS;
}

API Result cuvidDecodePicture(void* decoder, PictureParameters* parameters) {
  const Picture* picture = (const Picture*)parameters->data;
  ((Decoder*)decoder)->pictures[parameters->picture] = *picture;
  count(DECODED, 1);
  return records()[picture->record].error;
}

API Result cuvidGetDecodeStatus(void* decoder, int index, DecodeStatus* status) {
  (void)decoder, (void)index;
  status->status = 2;  // success, which the real one also says of much that is damaged
  return SUCCESS;
}

API Result cuvidMapVideoFrame64(void* decoder, int index, DevicePointer* address, unsigned* pitch,
                                void* processing) {
  (void)processing;
  Decoder* d = decoder;
  const Picture* picture = &d->pictures[index];
  const size_t row = (size_t)film->coded_width * sample_bytes();
  const size_t rows = (d->setup.target_height + 1) / 2 * 3;
  const size_t wide = d->setup.target_width * sample_bytes();
  *pitch = (unsigned)((wide + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  d->mapped_bytes = *pitch * rows;
  free(d->mapped);
  d->mapped = malloc(d->mapped_bytes);
  memset(d->mapped, 0xEE, d->mapped_bytes);
  const unsigned char* from = planes_of(picture->record);
  const size_t there = (size_t)film->coded_height * 3 / 2;
  for (size_t y = 0; y < rows && y < there; ++y)
    for (size_t x = 0; x < wide && x < row; ++x)
      d->mapped[y * *pitch + x] =
          from[y * row + x] ^ (unsigned char)(picture->is_broken ? 0xFF : 0);
  *address = (DevicePointer)d->mapped;
  return SUCCESS;
}

API Result cuvidUnmapVideoFrame64(void* decoder, DevicePointer address) {
  Decoder* d = decoder;
  memset((void*)address, 0xEE, d->mapped_bytes);  // what is read from now on is wrong
  return SUCCESS;
}

API Result cuvidCtxLockCreate(void** lock, void* context) {
  (void)context;
  pthread_mutex_t* made = malloc(sizeof *made);
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(made, &kind);
  *lock = made;
  return SUCCESS;
}
API Result cuvidCtxLockDestroy(void* lock) {
  pthread_mutex_destroy(lock);
  free(lock);
  return SUCCESS;
}
API Result cuvidCtxLock(void* lock, unsigned flags) {
  (void)flags;
  return pthread_mutex_lock(lock) ? INVALID_VALUE : SUCCESS;
}
API Result cuvidCtxUnlock(void* lock, unsigned flags) {
  (void)flags;
  return pthread_mutex_unlock(lock) ? INVALID_VALUE : SUCCESS;
}

// Reading files, which nobody asks of it here; PyNvVideoCodec looks the names up.
#define UNUSED(name) \
  API Result name(void) { return NOT_SUPPORTED; }
UNUSED(cuvidCreateVideoSource)
UNUSED(cuvidCreateVideoSourceW)
UNUSED(cuvidDestroyVideoSource)
UNUSED(cuvidSetVideoSourceState)
UNUSED(cuvidGetVideoSourceState)
UNUSED(cuvidGetSourceVideoFormat)
UNUSED(cuvidGetSourceAudioFormat)
