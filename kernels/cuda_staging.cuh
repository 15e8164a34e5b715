// Host tables on their way to the device, without waiting for it.
#pragma once

#include <array>
#include <bit>

#include "cuda_common.cuh"

namespace fastthumb {

// Copies go through pinned memory, of which there are a few pieces in turn. Each is used again only
// once its copy is done: who is that far ahead of the device waits for it.
class Staging {
 public:
  // The next piece, for `bytes` that send() then copies.
  std::uint8_t* take(std::size_t bytes) {
    next_ = (next_ + 1) % pieces_.size();
    pieces_[next_].wait();
    return pieces_[next_].memory.reserve(std::bit_ceil(bytes));
  }

  // Queues the copy of the piece that was taken last.
  void send(void* device, std::size_t bytes, cudaStream_t stream) {
    Piece& piece = pieces_[next_];
    FT_CUDA(cudaMemcpyAsync(device, piece.memory.data(), bytes, cudaMemcpyHostToDevice, stream));
    piece.mark(stream);
  }

 private:
  class Piece {
   public:
    PinnedArray<std::uint8_t> memory;

    Piece() = default;
    Piece(const Piece&) = delete;
    Piece& operator=(const Piece&) = delete;
    ~Piece() {
      if (copied_ == nullptr) return;
      ignore_cuda(cudaEventSynchronize(copied_));
      ignore_cuda(cudaEventDestroy(copied_));
    }
    void wait() {
      if (copied_ == nullptr) {
        FT_CUDA(cudaEventCreateWithFlags(&copied_, cudaEventDisableTiming));
      } else {
        FT_CUDA(cudaEventSynchronize(copied_));
      }
    }
    void mark(cudaStream_t stream) { FT_CUDA(cudaEventRecord(copied_, stream)); }

   private:
    cudaEvent_t copied_ = nullptr;
  };

  std::array<Piece, 8> pieces_;
  std::size_t next_ = 0;
};

}  // namespace fastthumb
