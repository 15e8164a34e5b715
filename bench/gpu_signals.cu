// The CUDA twin of the frame signals on batches of frames that are on the device already, as a
// decoder leaves them there. bench/gpu.py builds and runs it.
//
//   gpu_signals check                 every sum, px and cell against the plain twin; two runs equal
//   gpu_signals check-small           the small frames only, for memory and race checkers
//   gpu_signals time ROUNDS           against a device-to-device copy of the same bytes, in turns
//   gpu_signals quick ROUNDS          1080p alone, for trying a change
//   gpu_signals once BATCH            one batch of 1080p frames, for a profiler
//
// One JSON object a line. Ends with 1 if anything differs.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cuda_common.cuh"
#include "fastthumb/dispatch.hpp"
#include "frame_signals_device.cuh"

namespace {

using namespace fastthumb;

struct Case {
  std::string name;
  int width, height;
  int bit_depth = 8, msb_shift = 0;
  std::string kind = "moving";
  int pad = 0;  // samples at the end of a row
  Chroma chroma = Chroma::interleaved;
  int fields = 1;
};

struct Host {
  std::vector<std::uint8_t> bytes;
  std::vector<PlaneBytes> planes;  // into bytes
};

FrameLayout layout_of(const Case& c) {
  FrameLayout layout;
  layout.width = c.width;
  layout.height = c.height;
  layout.chroma_shift_x = layout.chroma_shift_y = c.chroma == Chroma::none ? 0 : 1;
  layout.bit_depth = c.bit_depth;
  layout.msb_shift = c.msb_shift;
  layout.chroma = c.chroma;
  layout.fields = c.fields;
  return layout;
}

// Picture `frame` of a little film; integer waves and grain, cheap enough for gigabytes.
Host picture(const Case& c, int frame) {
  static const std::vector<int> wave = [] {
    std::vector<int> values(4096);
    for (int i = 0; i < 4096; ++i)
      values[std::size_t(i)] = int(std::lround(600 * std::sin(i / 13.0)));
    return values;
  }();
  static const std::vector<std::uint16_t> grain = [] {
    std::mt19937 random(7);
    std::vector<std::uint16_t> values(1 << 20);
    for (auto& value : values) value = std::uint16_t(random());
    return values;
  }();
  const int bytes = c.bit_depth == 8 ? 1 : 2, top = (1 << c.bit_depth) - 1;
  const int chroma_cols = (c.width + 1) / 2, chroma_rows = (c.height + 1) / 2;
  struct Plane {
    int cols, rows, component;
  };
  std::vector<Plane> planes{{c.width, c.height, 0}};
  if (c.chroma == Chroma::interleaved) planes.push_back({2 * chroma_cols, chroma_rows, 1});
  if (c.chroma == Chroma::planar) {
    planes.push_back({chroma_cols, chroma_rows, 1});
    planes.push_back({chroma_cols, chroma_rows, 2});
  }
  Host host;
  std::size_t total = 0;
  for (const Plane& p : planes) total += std::size_t(p.cols + c.pad) * std::size_t(p.rows * bytes);
  host.bytes.resize(total);
  std::size_t at = 0;
  for (const Plane& p : planes) {
    const std::ptrdiff_t pitch = std::ptrdiff_t(p.cols + c.pad) * bytes;
    std::uint8_t* const plane = host.bytes.data() + at;
    const std::size_t size = std::size_t(pitch) * std::size_t(p.rows);
    host.planes.push_back({plane, size, pitch});
    at += size;
    for (int y = 0; y < p.rows; ++y) {
      const std::size_t first = (std::size_t(y) * 7919 + std::size_t(frame) * 104729) & 0x7FFFF;
      const int row_wave = wave[std::size_t((y + 3 * frame) & 4095)];
      for (int x = 0; x < p.cols + c.pad; ++x) {
        const int noise = grain[(first + std::size_t(x)) & 0xFFFFF];
        int value = 0;  // 0..65535
        if (c.kind == "random") value = noise;
        if (c.kind == "flat") value = 9000 + 20000 * (frame % 3);
        if (c.kind == "extremes") value = noise & 1 ? 65535 : 0;
        if (c.kind == "black") value = p.component == 0 ? 16 * 256 : 32768;
        if (c.kind == "moving" || c.kind == "bars") {
          value = 30000 + 16 * (row_wave + wave[std::size_t((x + 11 * frame) & 4095)]) + noise / 16;
        }
        const bool bar = y < p.rows / 7 || y >= p.rows - p.rows / 8 || x < p.cols / 9;
        if (c.kind == "bars" && p.component == 0 && bar) value = 16 * 256 + noise / 256;
        const int sample = (value >> (16 - c.bit_depth) & top) << c.msb_shift;
        if (bytes == 1) {
          plane[y * pitch + x] = std::uint8_t(sample);
        } else {
          const auto wide = std::uint16_t(sample);
          std::memcpy(plane + y * pitch + 2 * x, &wide, 2);
        }
      }
    }
  }
  return host;
}

// The frames of a film with everything that the kernels write, in device memory.
class Film {
 public:
  Film(const Case& c, int frames)
      : reduction_(reduction_of(layout_of(c))), device_(reduction_, stream_) {
    const auto px = std::size_t(reduction_.cols) * std::size_t(reduction_.rows);
    const auto cells = std::size_t(reduction_.cells_x) * std::size_t(reduction_.cells_y);
    const auto blocks = std::size_t(reduction_.blocks_x) * std::size_t(reduction_.blocks_y);
    const auto profiles = 2 * std::size_t(reduction_.cells_x + reduction_.cells_y);
    px_ = px, cells_ = cells, blocks_ = blocks;
    const auto count = std::size_t(frames);
    luma_.reserve(px * count);
    cell_bytes_.reserve(3 * cells * count);
    motion_.reserve(blocks * count);
    profiles_.reserve(profiles * count);
    sums_.reserve(count);
    std::vector<DeviceFrame> table(count);
    for (std::size_t i = 0; i < count; ++i) {
      const Host host = picture(c, int(i));
      if (i == 0) {
        frame_bytes_ = host.bytes.size();
        pixels_.reserve(frame_bytes_ * count);
      }
      std::uint8_t* const base = pixels_.data() + i * frame_bytes_;
      FT_CUDA(cudaMemcpy(base, host.bytes.data(), frame_bytes_, cudaMemcpyHostToDevice));
      const FramePlanes views = planes_of(reduction_, host.planes);
      const auto moved = [&](const PlaneView& view) {
        return DevicePlane{base + (view.data - host.bytes.data()), view.pitch_bytes};
      };
      DeviceFrame& frame = table[i];
      frame.luma = moved(views.luma);
      if (c.chroma != Chroma::none) frame.cb = moved(views.cb);
      if (c.chroma == Chroma::planar) frame.cr = moved(views.cr);
      frame.working_luma = luma_.data() + i * px;
      for (std::size_t k = 0; k < 3; ++k) frame.cells[k] = cell_bytes_.data() + (3 * i + k) * cells;
      frame.blocks = motion_.data() + i * blocks;
      frame.profiles = profiles_.data() + i * profiles;
    }
    for (std::size_t i = 0; i < count; ++i) {  // a ring: the first follows the last
      const DeviceFrame& before = table[(i + count - 1) % count];
      table[i].previous_luma = before.working_luma;
      table[i].previous_cells = before.cells[0];
    }
    table_.upload(table.data(), count, stream_);
    FT_CUDA(cudaStreamSynchronize(stream_));
    frames_ = frames;
  }

  void measure(int first, int count) {
    launch_frame_signals(device_.reduction(), table_.data() + first, sums_.data() + first, count,
                         stream_);
  }
  void measure_all(int batch) {
    for (int i = 0; i < frames_; i += batch) measure(i, std::min(batch, frames_ - i));
  }

  // What the kernels write, overwritten before a check.
  void poison(int value) {
    FT_CUDA(cudaMemsetAsync(luma_.data(), value, px_ * std::size_t(frames_), stream_));
    FT_CUDA(cudaMemsetAsync(cell_bytes_.data(), value, 3 * cells_ * std::size_t(frames_), stream_));
    FT_CUDA(cudaMemsetAsync(motion_.data(), value,
                            blocks_ * std::size_t(frames_) * sizeof(BlockMotion), stream_));
    FT_CUDA(
        cudaMemsetAsync(sums_.data(), value, std::size_t(frames_) * sizeof(DeviceSums), stream_));
  }

  struct Found {
    std::vector<std::uint8_t> luma, cells;
    std::vector<BlockMotion> blocks;
    std::vector<DeviceSums> sums;
  };
  Found download() {
    const auto count = std::size_t(frames_);
    Found found{std::vector<std::uint8_t>(px_ * count),
                std::vector<std::uint8_t>(3 * cells_ * count),
                std::vector<BlockMotion>(blocks_ * count), std::vector<DeviceSums>(count)};
    luma_.download(found.luma.data(), found.luma.size(), stream_);
    cell_bytes_.download(found.cells.data(), found.cells.size(), stream_);
    motion_.download(found.blocks.data(), found.blocks.size(), stream_);
    sums_.download(found.sums.data(), count, stream_);
    FT_CUDA(cudaStreamSynchronize(stream_));
    return found;
  }

  const Reduction& reduction() const { return reduction_; }
  cudaStream_t stream() const { return stream_; }
  std::size_t frame_bytes() const { return frame_bytes_; }
  std::size_t written_bytes() const {
    return px_ + 3 * cells_ + blocks_ * sizeof(BlockMotion) + sizeof(DeviceSums);
  }
  const std::uint8_t* pixels() const { return pixels_.data(); }
  std::size_t px() const { return px_; }
  std::size_t cells() const { return cells_; }
  std::size_t blocks() const { return blocks_; }

 private:
  Reduction reduction_;
  Stream stream_;
  DeviceTables device_;
  std::size_t px_ = 0, cells_ = 0, blocks_ = 0, frame_bytes_ = 0;
  int frames_ = 0;
  DeviceArray<std::uint8_t> pixels_, luma_, cell_bytes_;
  DeviceArray<BlockMotion> motion_;
  DeviceArray<std::int32_t> profiles_;
  DeviceArray<DeviceFrame> table_;
  DeviceArray<DeviceSums> sums_;
};

// ---- check ------------------------------------------------------------------------------------

// The first thing in which `found` differs from the plain twin; empty if nothing.
std::string difference(const Case& c, const Film& film, const Film::Found& found, int frames) {
  const Reduction& r = film.reduction();
  const auto summer = make_scalar_frame_summer(r);
  WorkingPicture last(r), current(r), before(r);
  SignalSums wanted;
  const Host host = picture(c, frames - 1);
  summer->sum(planes_of(r, host.planes), nullptr, last, wanted);
  before = last;  // the ring's first frame follows its last
  for (int i = 0; i < frames; ++i) {
    const Host pixels = picture(c, i);
    summer->sum(planes_of(r, pixels.planes), &before, current, wanted);
    const auto at = std::size_t(i);
    SignalSums got;
    take_sums(found.sums[at], got);
    const auto says = [&](const char* what) { return "frame " + std::to_string(i) + ": " + what; };
    if (std::memcmp(found.luma.data() + at * film.px(), current.luma.data(), film.px()) != 0) {
      return says("working luma");
    }
    for (std::size_t k = 0; k < film.cells(); ++k) {
      const std::size_t x = k % std::size_t(r.cells_x), y = k / std::size_t(r.cells_x);
      const std::uint8_t* const cells = found.cells.data() + 3 * at * film.cells();
      if (cells[k] != current.cell_luma_row(int(y))[x]) return says("cell luma");
      if (cells[film.cells() + k] != current.cell_cb[k]) return says("cell Cb");
      if (cells[2 * film.cells() + k] != current.cell_cr[k]) return says("cell Cr");
    }
    for (std::size_t k = 0; k < film.blocks(); ++k) {
      const BlockMotion& a = found.blocks[at * film.blocks() + k];
      const BlockMotion& b = wanted.blocks[k];
      if (a.x != b.x || a.y != b.y || a.difference != b.difference || a.textured != b.textured) {
        return says("motion of a block");
      }
    }
    if (got.luma_histogram != wanted.luma_histogram) return says("luma histogram");
    if (got.chroma_histogram != wanted.chroma_histogram) return says("chroma histogram");
    if (got.grid != wanted.grid) return says("grid");
    if (got.laplacian_sum != wanted.laplacian_sum) return says("Laplacian sum");
    if (got.laplacian_squares != wanted.laplacian_squares) return says("Laplacian squares");
    if (got.difference != wanted.difference) return says("difference");
    if (got.lightness != wanted.lightness || got.a != wanted.a || got.b != wanted.b ||
        got.chroma != wanted.chroma) {
      return says("LAB");
    }
    if (got.bar_top != wanted.bar_top || got.bar_bottom != wanted.bar_bottom ||
        got.bar_left != wanted.bar_left || got.bar_right != wanted.bar_right) {
      return says("bars");
    }
    std::swap(before, current);
  }
  return "";
}

bool equal(const Film::Found& a, const Film::Found& b) {
  if (a.luma != b.luma || a.cells != b.cells) return false;
  for (std::size_t i = 0; i < a.sums.size(); ++i) {
    if (std::memcmp(&a.sums[i], &b.sums[i], sizeof(DeviceSums)) != 0) return false;
  }
  for (std::size_t i = 0; i < a.blocks.size(); ++i) {  // by member: padding is not written
    const BlockMotion &x = a.blocks[i], &y = b.blocks[i];
    if (x.x != y.x || x.y != y.y || x.difference != y.difference || x.textured != y.textured) {
      return false;
    }
  }
  return true;
}

int check(bool small) {
  std::vector<Case> cases;
  for (const char* kind : {"random", "flat", "extremes", "black", "bars", "moving"}) {
    cases.push_back({std::string("1080p NV12 ") + kind, 1920, 1080, 8, 0, kind});
    cases.push_back({std::string("odd NV12 ") + kind, 1279, 721, 8, 0, kind, 3});
  }
  for (const char* kind : {"random", "extremes", "moving"}) {
    cases.push_back({std::string("1080p P016 ") + kind, 1920, 1080, 16, 0, kind});
    cases.push_back({std::string("1080p P010 ") + kind, 1920, 1080, 10, 6, kind});
    cases.push_back({std::string("odd P010 ") + kind, 961, 543, 10, 6, kind, 5});
    cases.push_back({std::string("720p NV12 ") + kind, 1280, 720, 8, 0, kind});
    cases.push_back({std::string("2160p NV12 ") + kind, 3840, 2160, 8, 0, kind});
  }
  for (const int height : {362, 486, 721, 1083, 1441, 2162, 4322}) {  // every box, odd rows
    const int width = height * 4 / 3 - 1;
    for (const int pad : {0, 1, 2, 3}) {
      const std::string size = std::to_string(width) + " x " + std::to_string(height);
      if (height < 2000) cases.push_back({"NV12 " + size, width, height, 8, 0, "moving", pad});
      if (pad < 2) cases.push_back({"P010 " + size, width, height, 10, 6, "moving", pad});
    }
    if (height > 2000) cases.push_back({"NV12 of 4 px a word", height, height, 8, 0, "moving", 2});
  }
  cases.push_back({"576 lines, interlaced", 720, 576, 8, 0, "moving", 0, Chroma::interleaved, 2});
  cases.push_back({"planar, odd", 641, 361, 8, 0, "moving", 1, Chroma::planar});
  cases.push_back({"gray", 1000, 1000, 8, 0, "moving", 0, Chroma::none});
  cases.push_back({"tiny", 7, 5, 8, 0, "random", 1});
  cases.push_back({"one px", 1, 1, 8, 0, "random"});
  constexpr int kFrames = 5;
  int failed = 0;
  for (const Case& c : cases) {
    if (small && c.width > 1300) continue;
    Film film(c, kFrames);
    film.measure(kFrames - 1, 1);  // the ring's last frame is the first one's previous
    film.measure_all(kFrames);
    const Film::Found first = film.download();
    film.poison(0xA5);
    film.measure(kFrames - 1, 1);
    film.measure_all(2);  // other batches, same result
    const Film::Found again = film.download();
    const std::string wrong = difference(c, film, first, kFrames);
    const bool same = equal(first, again);
    failed += !wrong.empty() || !same;
    std::printf("{\"check\": \"%s\", \"differs\": \"%s\", \"runs_equal\": %s}\n", c.name.c_str(),
                wrong.c_str(), same ? "true" : "false");
    std::fflush(stdout);
  }
  return failed > 0 ? 1 : 0;
}

// ---- time -------------------------------------------------------------------------------------

class Event {
 public:
  Event() { FT_CUDA(cudaEventCreate(&event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  void record(cudaStream_t stream) { FT_CUDA(cudaEventRecord(event_, stream)); }
  double milliseconds_since(const Event& start) const {
    float ms = 0;
    FT_CUDA(cudaEventElapsedTime(&ms, start.event_, event_));
    return ms;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::size_t(std::lround(share * double(values.size() - 1)))];
}

// Microseconds per frame of the kernels in batches, and of a copy of the same bytes. Two ratios:
// of the times, and of the bytes a second, a copy having written as much as it read.
void time_case(const Case& c, int batch, int rounds) {
  // Several times what a cache holds, and at least 64 frames.
  const std::size_t one =
      std::size_t(c.width) * std::size_t(c.height) * 3 / 2 * std::size_t(c.bit_depth == 8 ? 1 : 2);
  const int frames = std::max(64, int((256u << 20) / one / 64 * 64));
  Film film(c, frames);
  const std::size_t bytes = film.frame_bytes() * std::size_t(frames);
  DeviceArray<std::uint8_t> target;
  target.reserve(bytes);
  const auto copy = [&] {
    FT_CUDA(cudaMemcpyAsync(target.data(), film.pixels(), bytes, cudaMemcpyDeviceToDevice,
                            film.stream()));
  };
  film.measure_all(batch);
  copy();
  FT_CUDA(cudaStreamSynchronize(film.stream()));
  std::vector<double> measured, copied, ratios, enqueued;
  Event start, middle, end;
  for (int i = 0; i < rounds; ++i) {
    const auto before = std::chrono::steady_clock::now();
    start.record(film.stream());
    film.measure_all(batch);
    middle.record(film.stream());
    const std::chrono::duration<double, std::micro> host =
        std::chrono::steady_clock::now() - before;
    copy();
    end.record(film.stream());
    FT_CUDA(cudaStreamSynchronize(film.stream()));
    measured.push_back(1e3 * middle.milliseconds_since(start) / frames);
    copied.push_back(1e3 * end.milliseconds_since(middle) / frames);
    ratios.push_back(copied.back() / measured.back());
    enqueued.push_back(host.count() / frames);
  }
  const double us = quantile(measured, 0.5), copy_us = quantile(copied, 0.5);
  const double moved = double(film.frame_bytes() + film.written_bytes());
  const double rate = moved / us / 1e3,
               copy_rate = 2.0 * double(film.frame_bytes()) / copy_us / 1e3;
  std::printf(
      "{\"case\": \"%s\", \"batch\": %d, \"frames\": %d, \"rounds\": %d, \"us_per_frame\": %.4f, "
      "\"us_per_frame_p10\": %.4f, \"us_per_frame_p90\": %.4f, \"enqueue_us_per_frame\": %.4f, "
      "\"copy_us_per_frame\": %.4f, \"bytes_read\": %zu, \"bytes_written\": %zu, "
      "\"gb_per_s\": %.1f, \"copy_gb_per_s\": %.1f, \"share_of_copy_bandwidth\": %.4f, "
      "\"copy_time_over_kernel_time\": %.4f}\n",
      c.name.c_str(), batch, frames, rounds, us, quantile(measured, 0.1), quantile(measured, 0.9),
      quantile(enqueued, 0.5), copy_us, film.frame_bytes(), film.written_bytes(), rate, copy_rate,
      rate / copy_rate, quantile(ratios, 0.5));
  std::fflush(stdout);
}

void time_upload(int rounds) {
  constexpr std::size_t kBytes = std::size_t{256} << 20;
  void* host = nullptr;
  FT_CUDA(cudaMallocHost(&host, kBytes));
  std::memset(host, 77, kBytes);
  DeviceArray<std::uint8_t> target;
  target.reserve(kBytes);
  Stream stream;
  std::vector<double> rates;
  Event start, end;
  for (int i = 0; i < rounds; ++i) {
    start.record(stream);
    FT_CUDA(cudaMemcpyAsync(target.data(), host, kBytes, cudaMemcpyHostToDevice, stream));
    end.record(stream);
    FT_CUDA(cudaStreamSynchronize(stream));
    rates.push_back(double(kBytes) / end.milliseconds_since(start) / 1e6);
  }
  FT_CUDA(cudaFreeHost(host));
  std::printf("{\"upload\": \"pinned\", \"gb_per_s\": %.1f}\n", quantile(rates, 0.5));
}

int time_all(int rounds) {
  for (const int batch : {16, 32, 64}) {
    time_case({"1080p NV12", 1920, 1080}, batch, rounds);
  }
  time_case({"1080p NV12", 1920, 1080}, 1, rounds);
  time_case({"720p NV12", 1280, 720}, 64, rounds);
  time_case({"2160p NV12", 3840, 2160}, 64, rounds);
  time_case({"1080p P016", 1920, 1080, 10, 6}, 64, rounds);
  time_case({"odd NV12, 1919 x 1079", 1919, 1079}, 64, rounds);
  time_case({"480p NV12, 854 wide", 854, 480}, 64, rounds);
  time_case({"1080p NV12 flat", 1920, 1080, 8, 0, "flat"}, 64, rounds);
  time_case({"1080p NV12 black", 1920, 1080, 8, 0, "black"}, 64, rounds);
  time_case({"1080p NV12 random", 1920, 1080, 8, 0, "random"}, 64, rounds);
  time_case({"1080p NV12", 1920, 1080}, 64, rounds);  // again: the spread between two runs
  time_upload(9);
  return 0;
}

int time_quick(int rounds) {
  for (const int batch : {16, 64}) time_case({"1080p NV12", 1920, 1080}, batch, rounds);
  return 0;
}

int once(int batch) {
  Film film({"1080p NV12", 1920, 1080}, 2 * batch);
  film.measure_all(batch);
  film.measure_all(batch);
  FT_CUDA(cudaStreamSynchronize(film.stream()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const int number = argc > 2 ? std::atoi(argv[2]) : 0;
  try {
    if (mode == "check" || mode == "check-small") return check(mode == "check-small");
    if (mode == "time" && number > 0) return time_all(number);
    if (mode == "quick" && number > 0) return time_quick(number);
    if (mode == "once" && number > 0) return once(number);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  std::fprintf(stderr,
               "use: gpu_signals check | check-small | time ROUNDS | quick ROUNDS | once BATCH\n");
  return 2;
}
