// Shared inside CTorch: the handle, the error guard, type codes.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstdint>
#include <string>
#include <vector>

#include "CTorch.h"

struct ct_tensor_s {
  at::Tensor value;
};

namespace ct {

void set_error(std::string text);

inline ct_tensor wrap(at::Tensor tensor) { return new ct_tensor_s{std::move(tensor)}; }

at::ScalarType scalar_type(int code);
at::Device device(int code);
inline at::IntArrayRef shape(const int64_t *sizes, int rank) {
  return at::IntArrayRef(sizes, static_cast<size_t>(rank));
}
std::vector<at::Tensor> list(const ct_tensor *tensors, int count);

// Runs a body and turns whatever it throws into a code and a text for this thread.
template <class Body>
int guarded(Body &&body) {
  try {
    body();
    return CT_OK;
  } catch (const c10::OutOfMemoryError &error) {
    set_error(error.what_without_backtrace());
    return CT_OUT_OF_MEMORY;
  } catch (const c10::Error &error) {
    std::string text = error.what_without_backtrace();
    bool memory = text.find("not enough memory") != std::string::npos;
    set_error(std::move(text));
    return memory ? CT_OUT_OF_MEMORY : CT_ERROR;
  } catch (const std::bad_alloc &) {
    set_error("out of memory");
    return CT_OUT_OF_MEMORY;
  } catch (const std::exception &error) {
    set_error(error.what());
    return CT_ERROR;
  } catch (...) {
    set_error("an unknown C++ exception");
    return CT_ERROR;
  }
}

}  // namespace ct
