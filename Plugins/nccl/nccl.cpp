// Sums over processes that have a GPU each: c10d's NCCL. Made by `make nccl`, found beside the binary.
#include "../../Sources/CTorchEngine/nccl.hpp"

#include <cstdlib>

#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

extern "C" c10d::Backend *assay_nccl_open(c10d::Store *store, int rank, int size, int64_t timeout_ms,
                                          int gpu) {
  // Its watchdog would end the process while that writes its checkpoint: a process that is gone is noticed by the
  // sums on the CPU, behind which this group is aborted.
  setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", 0);
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = std::chrono::milliseconds(timeout_ms);
  auto processes = c10::make_intrusive<c10d::ProcessGroupNCCL>(
      c10::intrusive_ptr<c10d::Store>::unsafe_reclaim_from_nonowning(store), rank, size, options);
  // A GPU that two processes were given, or a network that does not connect, is told now and not at a step.
  processes->eagerConnectSingleDevice(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(gpu)));
  return processes.release();
}

// The two sides agree on what is called.
static_assert(std::is_same_v<decltype(&assay_nccl_open), nccl_open *>);
