// What sums of tensors on GPUs come from: a library of its own (Plugins/nccl), opened when a group first meets
// such tensors, as it needs NVIDIA's libraries and nothing else here does.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

// Meets the other processes over a store; throws where they do not come. What it returns is the caller's.
using nccl_open = c10d::Backend *(c10d::Store *store, int rank, int size, int64_t timeout_ms, int gpu);

constexpr const char *nccl_library = "libassay_nccl.so";
constexpr const char *nccl_open_name = "assay_nccl_open";
