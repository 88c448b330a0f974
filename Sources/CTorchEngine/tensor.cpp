// Handles, creation, layout, devices and errors.
#include "internal.hpp"
#include "pool.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace ct {

static thread_local std::string last_error;

void set_error(std::string text) { last_error = std::move(text); }

at::ScalarType scalar_type(int code) {
  switch (code) {
    case CT_F32: return at::kFloat;
    case CT_BF16: return at::kBFloat16;
    case CT_F16: return at::kHalf;
    case CT_I64: return at::kLong;
    case CT_I32: return at::kInt;
    case CT_U8: return at::kByte;
    case CT_BOOL: return at::kBool;
    case CT_F64: return at::kDouble;
  }
  TORCH_CHECK(false, "unknown dtype code ", code);
}

// LibTorch registers its CUDA kernels when the library is loaded, so loading is all it takes; but not once it has
// been asked whether there are any: what it says first it says for good.
static bool load_cuda() {
  static std::once_flag once;
  static bool loaded = false;
  std::call_once(once, [] {
    loaded = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr && at::hasCUDA();
  });
  return loaded;
}

// Processes that share a machine take a GPU each, by torchrun's number of theirs.
static c10::DeviceIndex gpu_of_process() {
  static const int index = [] {
    const char *local = std::getenv("LOCAL_RANK");
    int count = load_cuda() ? at::detail::getCUDAHooks().deviceCount() : 0;
    return local && count > 0 ? std::max(0, std::atoi(local)) % count : 0;
  }();
  return static_cast<c10::DeviceIndex>(index);
}

at::Device device(int code) {
  switch (code) {
    case CT_CPU: return at::Device(at::kCPU);
    case CT_CUDA: return at::Device(at::kCUDA, gpu_of_process());
    case CT_MPS: return at::Device(at::kMPS, 0);
  }
  TORCH_CHECK(false, "unknown device code ", code);
}

std::vector<at::Tensor> list(const ct_tensor *tensors, int count) {
  std::vector<at::Tensor> values;
  values.reserve(count);
  for (int i = 0; i < count; i++) values.push_back(tensors[i]->value);
  return values;
}

static at::TensorOptions options(int dtype, int device_code = CT_CPU) {
  return at::TensorOptions().dtype(scalar_type(dtype)).device(device(device_code));
}

}  // namespace ct

using namespace ct;

const char *ct_last_error(void) { return last_error.c_str(); }

int ct_device_available(int code, bool *out) {
  return guarded([&] {
    *out = code == CT_CPU;
    if (code == CT_CUDA && load_cuda()) *out = at::detail::getCUDAHooks().deviceCount() > 0;
    if (code == CT_MPS) *out = at::hasMPS();
  });
}

int ct_set_threads(int count) {
  return guarded([&] {
    at::set_num_threads(count);
    set_thread_count(count);
  });
}

int ct_get_threads(void) { return int(thread_count()); }

void ct_free(ct_tensor tensor) { delete tensor; }

int ct_from_data(const void *data, const int64_t *sizes, int rank, int dtype, ct_tensor *out) {
  return guarded([&] {
    at::Tensor tensor = at::empty(shape(sizes, rank), options(dtype));
    if (tensor.nbytes() > 0) std::memcpy(tensor.data_ptr(), data, tensor.nbytes());
    *out = wrap(tensor);
  });
}

int ct_from_memory(void *data, const int64_t *sizes, int rank, int dtype, void *context,
                   void (*release)(void *), ct_tensor *out) {
  return guarded([&] {
    *out = wrap(at::from_blob(
        data, shape(sizes, rank), [context, release](void *) { release(context); },
        options(dtype)));
  });
}

int ct_full(const int64_t *sizes, int rank, double value, int dtype, int device_code,
            ct_tensor *out) {
  return guarded(
      [&] { *out = wrap(at::full(shape(sizes, rank), value, options(dtype, device_code))); });
}

int ct_empty(const int64_t *sizes, int rank, int dtype, int device_code, ct_tensor *out) {
  return guarded([&] { *out = wrap(at::empty(shape(sizes, rank), options(dtype, device_code))); });
}

int ct_normal(const int64_t *sizes, int rank, double mean, double deviation, uint64_t seed,
              int dtype, ct_tensor *out) {
  return guarded([&] {
    auto generator = at::detail::createCPUGenerator(seed);
    at::Tensor tensor = at::empty(shape(sizes, rank), options(CT_F32));
    tensor.normal_(mean, deviation, generator);
    *out = wrap(tensor.to(scalar_type(dtype)));
  });
}

int ct_arange(int64_t start, int64_t end, int dtype, int device_code, ct_tensor *out) {
  return guarded([&] { *out = wrap(at::arange(start, end, options(dtype, device_code))); });
}

int ct_rank(ct_tensor tensor) { return static_cast<int>(tensor->value.dim()); }

void ct_shape(ct_tensor tensor, int64_t *out) {
  for (int64_t i = 0; i < tensor->value.dim(); i++) out[i] = tensor->value.size(i);
}

int ct_dtype(ct_tensor tensor) {
  switch (tensor->value.scalar_type()) {
    case at::kFloat: return CT_F32;
    case at::kBFloat16: return CT_BF16;
    case at::kHalf: return CT_F16;
    case at::kLong: return CT_I64;
    case at::kInt: return CT_I32;
    case at::kByte: return CT_U8;
    case at::kBool: return CT_BOOL;
    case at::kDouble: return CT_F64;
    default: return -1;
  }
}

int ct_device(ct_tensor tensor) {
  if (tensor->value.is_cuda()) return CT_CUDA;
  return tensor->value.is_mps() ? CT_MPS : CT_CPU;
}

int64_t ct_count(ct_tensor tensor) { return tensor->value.numel(); }

int ct_copy_out(ct_tensor tensor, int dtype, void *out, size_t byte_count) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    at::Tensor flat = tensor->value.detach().to(at::kCPU, scalar_type(dtype)).contiguous();
    TORCH_CHECK(flat.nbytes() == byte_count, "buffer of ", byte_count, " bytes for ",
                flat.nbytes());
    if (byte_count > 0) std::memcpy(out, flat.data_ptr(), byte_count);
  });
}

int ct_data_pointer(ct_tensor tensor, const void **out) {
  return guarded([&] {
    TORCH_CHECK(tensor->value.is_cpu() && tensor->value.is_contiguous(),
                "only a contiguous tensor on the CPU has a data pointer");
    *out = tensor->value.data_ptr();
  });
}

int ct_reshape(ct_tensor a, const int64_t *sizes, int rank, ct_tensor *out) {
  return guarded([&] { *out = wrap(a->value.reshape(shape(sizes, rank))); });
}

int ct_transpose(ct_tensor a, int64_t first, int64_t second, ct_tensor *out) {
  return guarded([&] { *out = wrap(a->value.transpose(first, second)); });
}

int ct_narrow(ct_tensor a, int64_t axis, int64_t start, int64_t length, ct_tensor *out) {
  return guarded([&] { *out = wrap(a->value.narrow(axis, start, length)); });
}

int ct_cat(const ct_tensor *parts, int count, int64_t axis, ct_tensor *out) {
  return guarded([&] { *out = wrap(at::cat(list(parts, count), axis)); });
}

int ct_index_select(ct_tensor a, int64_t axis, ct_tensor indices, ct_tensor *out) {
  return guarded([&] { *out = wrap(at::index_select(a->value, axis, indices->value)); });
}

int ct_gather(ct_tensor a, int64_t axis, ct_tensor indices, ct_tensor *out) {
  return guarded([&] { *out = wrap(at::gather(a->value, axis, indices->value)); });
}

int ct_to_dtype(ct_tensor a, int dtype, ct_tensor *out) {
  return guarded([&] { *out = wrap(a->value.to(scalar_type(dtype))); });
}

int ct_to_device(ct_tensor a, int device_code, ct_tensor *out) {
  return guarded([&] { *out = wrap(a->value.to(device(device_code))); });
}

int ct_copy_in_place(ct_tensor target, ct_tensor source) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    TORCH_CHECK(target->value.sizes() == source->value.sizes(), "cannot copy ",
                source->value.sizes(), " into ", target->value.sizes());
    target->value.copy_(source->value);
  });
}

int ct_fill_in_place(ct_tensor target, double value) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    target->value.fill_(value);
  });
}

int ct_add_in_place(ct_tensor target, ct_tensor source, double scale) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    target->value.add_(source->value, scale);
  });
}

int ct_scale_in_place(ct_tensor target, double factor) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    target->value.mul_(factor);
  });
}
