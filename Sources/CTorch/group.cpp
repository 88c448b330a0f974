// Processes that train together: c10d's TCP store and Gloo, both of which LibTorch carries.
//
// The store is where processes meet and tell each other short texts; Gloo adds up numbers. Sums are the
// same, bit for bit, in every process: each part of a buffer is added up by one of them and sent round.
#include "internal.hpp"

#if defined(__linux__)
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#endif

#include <algorithm>
#include <chrono>
#include <cstring>

using namespace ct;

#if defined(__linux__)

struct ct_group_s {
  c10::intrusive_ptr<c10d::TCPStore> server;
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> processes;
  std::string host;
  int rank;
  int size;
  std::chrono::milliseconds timeout;
};

namespace {

// Of a sum that goes out while the next one is gathered.
constexpr int64_t bucket_elements = 4 << 20;

c10::intrusive_ptr<c10d::Work> start_sum(ct_group group, at::Tensor tensor) {
  std::vector<at::Tensor> tensors{std::move(tensor)};
  c10d::AllreduceOptions options;
  options.reduceOp = c10d::ReduceOp::SUM;
  options.timeout = group->timeout;
  return group->processes->allreduce(tensors, options);
}

// Gradients of one type that are added up as one buffer.
struct Bucket {
  std::vector<at::Tensor> gradients;
  at::Tensor buffer;
  c10::intrusive_ptr<c10d::Work> work;
  int64_t count = 0;

  void send(ct_group group) {
    std::vector<at::Tensor> flat;
    for (const at::Tensor &gradient : gradients) flat.push_back(gradient.reshape({-1}));
    buffer = at::cat(flat);
    work = start_sum(group, buffer);
  }

  void receive() {
    work->wait();
    int64_t start = 0;
    for (at::Tensor &gradient : gradients) {
      gradient.copy_(buffer.narrow(0, start, gradient.numel()).view(gradient.sizes()));
      start += gradient.numel();
    }
  }
};

}  // namespace

bool ct_group_available(void) { return true; }

int ct_group_open(const char *host, int port, const char *prefix, bool serves, int rank, int size,
                  double timeout, ct_group *out, int *used_port) {
  return guarded([&] {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(port);
    options.isServer = serves;
    options.waitWorkers = false;
    options.timeout = std::chrono::milliseconds(static_cast<int64_t>(timeout * 1000));
    auto server = c10::make_intrusive<c10d::TCPStore>(host, options);
    *used_port = server->getPort();
    c10::intrusive_ptr<c10d::Store> store = server;
    if (*prefix) store = c10::make_intrusive<c10d::PrefixStore>(prefix, store);
    *out = new ct_group_s{server, store, {}, host, rank, size, options.timeout};
  });
}

int ct_group_connect(ct_group group, double timeout) {
  return guarded([&] {
    auto options = c10d::ProcessGroupGloo::Options::create(group->timeout);
    bool is_local = group->host == "127.0.0.1" || group->host == "localhost";
    options->devices.push_back(
        is_local ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                 : c10d::ProcessGroupGloo::createDefaultDevice());
    auto store = c10::make_intrusive<c10d::PrefixStore>("gloo", group->store);
    group->processes = c10::make_intrusive<c10d::ProcessGroupGloo>(store, group->rank, group->size,
                                                                   options);
    // Sums wait longer than the meeting did.
    group->timeout = std::chrono::milliseconds(static_cast<int64_t>(timeout * 1000));
  });
}

void ct_group_close(ct_group group) { delete group; }

int ct_group_set(ct_group group, const char *key, const char *value) {
  return guarded([&] {
    group->store->set(key, std::vector<uint8_t>(value, value + std::strlen(value)));
  });
}

int ct_group_get(ct_group group, const char *key, double timeout, char *value, size_t size) {
  return guarded([&] {
    group->store->wait({key},
                       std::chrono::milliseconds(static_cast<int64_t>(timeout * 1000)));
    std::vector<uint8_t> bytes = group->store->get(key);
    size_t count = std::min(bytes.size(), size - 1);
    std::memcpy(value, bytes.data(), count);
    value[count] = 0;
  });
}

int ct_group_sum_numbers(ct_group group, double *values, int count) {
  return guarded([&] {
    at::Tensor numbers = at::from_blob(values, {count}, at::kDouble);
    start_sum(group, numbers)->wait();
  });
}

int ct_group_sum_gradients(ct_group group, const ct_tensor *parameters, const double *holders,
                           int count) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    std::vector<Bucket> buckets;
    // From the last to the first, as a backward pass makes them.
    for (int i = count - 1; i >= 0; i--) {
      if (holders[i] == 0) continue;
      at::Tensor &value = parameters[i]->value;
      at::Tensor &gradient = value.mutable_grad();
      if (!gradient.defined()) gradient = at::zeros_like(value);
      bool fits = !buckets.empty() && buckets.back().count < bucket_elements &&
                  buckets.back().gradients[0].scalar_type() == gradient.scalar_type();
      if (!fits) {
        if (!buckets.empty()) buckets.back().send(group);
        buckets.emplace_back();
      }
      buckets.back().gradients.push_back(gradient);
      buckets.back().count += gradient.numel();
    }
    if (!buckets.empty()) buckets.back().send(group);
    for (Bucket &bucket : buckets) bucket.receive();
  });
}

#else

bool ct_group_available(void) { return false; }

namespace {
int unavailable() {
  set_error("several processes train together on Linux only");
  return CT_ERROR;
}
}  // namespace

int ct_group_open(const char *, int, const char *, bool, int, int, double, ct_group *, int *) {
  return unavailable();
}
int ct_group_connect(ct_group, double) { return unavailable(); }
void ct_group_close(ct_group) {}
int ct_group_set(ct_group, const char *, const char *) { return unavailable(); }
int ct_group_get(ct_group, const char *, double, char *, size_t) { return unavailable(); }
int ct_group_sum_numbers(ct_group, double *, int) { return unavailable(); }
int ct_group_sum_gradients(ct_group, const ct_tensor *, const double *, int) {
  return unavailable();
}

#endif
