// What the two ways of decoding share.
#pragma once

#include <cstring>

#include "kernels.hpp"

namespace ct {

// Stores the key and value heads of one rotated row into a cell of the cache.
template <class T>
void store_row(const T *row, int64_t cell, int64_t H, int64_t G, int64_t K, T *keys, T *values) {
  const int64_t page = cell / CT_PAGE, offset = cell % CT_PAGE;
  for (int64_t g = 0; g < G; g++) {
    const T *key = row + (H + g) * K;
    T *to = keys + (page * G + g) * K * CT_PAGE + offset;
    for (int64_t d = 0; d < K; d++) to[d * CT_PAGE] = key[d];
    std::memcpy(static_cast<void *>(values + ((page * G + g) * CT_PAGE + offset) * K),
                row + (H + G + g) * K, K * sizeof(T));
  }
}

// Stores the key and value heads of rotated rows [begin, end).
template <class T>
void store_rows(const T *turned, T *keys, T *values, const int32_t *tables, int64_t M,
                const int32_t *positions, int64_t begin, int64_t end, int64_t H, int64_t G,
                int64_t K) {
  const int64_t stride = (H + 2 * G) * K;
  for (int64_t s = begin; s < end; s++) {
    const int64_t page = tables[s * M + positions[s] / CT_PAGE];
    store_row(turned + s * stride, page * CT_PAGE + positions[s] % CT_PAGE, H, G, K, keys, values);
  }
}

}  // namespace ct
