// Processes that train together: c10d's TCP store and Gloo, both of which LibTorch carries, and NCCL where
// tensors are on GPUs.
//
// The store is where processes meet and tell each other short texts; Gloo adds up numbers. Sums are the
// same, bit for bit, in every process: each part of a buffer is added up by one of them and sent round.
#include "internal.hpp"

#if defined(__linux__)
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <dlfcn.h>

#include "nccl.hpp"
#endif

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <memory>

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
  // Those that each have a GPU, once a tensor on one is summed.
  c10::intrusive_ptr<c10d::Backend> gpus = {};
  // Whether something is on its way: who leaves then leaves others waiting, and cannot wait for them.
  bool is_busy = false;
};

namespace {

// Numbers of one buffer that goes out while the next one is gathered.
constexpr int64_t bucket_elements = 4 << 20;

using Work = c10::intrusive_ptr<c10d::Work>;

// Meets the processes that each have a GPU.
c10::intrusive_ptr<c10d::Backend> meet_gpus(ct_group group, int gpu) {
  void *library = dlopen(nccl_library, RTLD_NOW | RTLD_GLOBAL);
  const char *reason = library ? nullptr : dlerror();
  TORCH_CHECK(library, "processes with a GPU each add up with NCCL: make what that needs with `make nccl`, or "
                       "compute on the CPU; ", reason);
  auto open = reinterpret_cast<nccl_open *>(dlsym(library, nccl_open_name));
  TORCH_CHECK(open, nccl_library, " is not of this version; make it again (make nccl)");
  auto store = c10::make_intrusive<c10d::PrefixStore>("nccl", group->store);
  auto *gpus = open(store.get(), group->rank, group->size, group->timeout.count(), gpu);
  return c10::intrusive_ptr<c10d::Backend>::reclaim(gpus);
}

// Who sums a tensor: where its numbers are.
c10d::Backend &backend(ct_group group, const at::Tensor &tensor) {
  if (!tensor.is_cuda()) return *group->processes;
  if (!group->gpus) group->gpus = meet_gpus(group, tensor.device().index());
  return *group->gpus;
}

// Sums over all processes, for all of them.
Work start_sum(ct_group group, at::Tensor tensor) {
  c10d::Backend &processes = backend(group, tensor);
  std::vector<at::Tensor> tensors{std::move(tensor)};
  c10d::AllreduceOptions options;
  options.reduceOp = c10d::ReduceOp::SUM;
  options.timeout = group->timeout;
  return processes.allreduce(tensors, options);
}

// Sums over all processes, for one of them.
Work start_sum(ct_group group, at::Tensor tensor, int owner) {
  if (owner < 0) return start_sum(group, std::move(tensor));
  c10d::Backend &processes = backend(group, tensor);
  std::vector<at::Tensor> tensors{std::move(tensor)};
  c10d::ReduceOptions options;
  options.reduceOp = c10d::ReduceOp::SUM;
  options.rootRank = owner;
  options.timeout = group->timeout;
  return processes.reduce(tensors, options);
}

// Gives all processes what one has.
Work start_share(ct_group group, at::Tensor tensor, int owner) {
  c10d::Backend &processes = backend(group, tensor);
  std::vector<at::Tensor> tensors{std::move(tensor)};
  c10d::BroadcastOptions options;
  options.rootRank = owner;
  options.timeout = group->timeout;
  return processes.broadcast(tensors, options);
}

// Neighbouring tensors of one type and one owner that travel as one buffer.
struct Bucket {
  size_t first = 0;
  size_t count = 0;
  int owner = -1;
  at::Tensor buffer = {};
  Work work = {};
};

std::vector<Bucket> buckets(const std::vector<at::Tensor> &tensors,
                            const std::vector<int> &owners) {
  std::vector<Bucket> made;
  int64_t elements = 0;
  for (size_t i = 0; i < tensors.size(); i++) {
    bool fits = !made.empty() && elements < bucket_elements && owners[i] == made.back().owner &&
                tensors[i].scalar_type() == tensors[i - 1].scalar_type();
    if (!fits) {
      made.push_back({i, 0, owners[i]});
      elements = 0;
    }
    made.back().count++;
    elements += tensors[i].numel();
  }
  return made;
}

// The part of a bucket's buffer that is one tensor's; calls the body with each.
template <class Body>
void for_each_part(const Bucket &bucket, const std::vector<at::Tensor> &tensors, Body &&body) {
  int64_t start = 0;
  for (size_t i = bucket.first; i < bucket.first + bucket.count; i++) {
    body(i, bucket.buffer.narrow(0, start, tensors[i].numel()).view(tensors[i].sizes()));
    start += tensors[i].numel();
  }
}

}  // namespace

// Sums of the gradients of the same parameters, step after step. A bucket goes out as soon as this process
// has added to each of its gradients as often as in the steps before; whatever is added later is summed by
// itself at the end, so that counts decide when something is sent and never what comes out.
struct ct_reduction_s {
  ct_group group;
  // From the last to the first, as a backward pass reaches them.
  std::vector<at::Tensor> parameters;
  std::vector<int> owners;
  std::vector<Bucket> parts;
  std::vector<size_t> part_of;
  // How often each gradient was added to in this step, and at most in a step before.
  std::vector<int> additions, expected;
  std::vector<double> sent;
  // Parameters of each bucket that are still waited for.
  std::vector<size_t> missing;
  size_t next = 0;
  bool knows = false;
  std::exception_ptr error;

  void begin() {
    std::fill(additions.begin(), additions.end(), 0);
    std::fill(sent.begin(), sent.end(), 0.0);
    next = 0;
    for (size_t part = 0; part < parts.size(); part++) {
      missing[part] = 0;
      for (size_t i = parts[part].first; i < parts[part].first + parts[part].count; i++)
        missing[part] += !knows || expected[i] > 0;
    }
  }

  void added(size_t i) {
    additions[i]++;
    size_t part = part_of[i];
    if (!knows || error || part < next || additions[i] != expected[i]) return;
    missing[part]--;
    try {
      while (next < parts.size() && missing[next] == 0) send();
    } catch (...) {
      // A backward pass does not expect it.
      error = std::current_exception();
    }
  }

  // Sends the next bucket; its buffer takes the place of the gradients.
  void send() {
    Bucket &bucket = parts[next++];
    group->is_busy = true;
    std::vector<at::Tensor> flat;
    for (size_t i = bucket.first; i < bucket.first + bucket.count; i++) {
      at::Tensor &gradient = parameters[i].mutable_grad();
      sent[i] = gradient.defined();
      flat.push_back(gradient.defined() ? gradient.reshape({-1})
                                        : at::zeros({parameters[i].numel()}, parameters[i].options()));
      gradient.reset();
    }
    bucket.buffer = flat.size() == 1 ? flat[0].contiguous() : at::cat(flat);
    bucket.work = start_sum(group, bucket.buffer, bucket.owner);
  }

  void finish(double *numbers, int count, double *holders) {
    at::NoGradGuard no_grad;
    group->is_busy = true;
    if (error) std::rethrow_exception(error);
    while (next < parts.size()) send();
    size_t size = parameters.size();
    // What was added behind its bucket.
    std::vector<at::Tensor> late(size);
    std::vector<double> all(numbers, numbers + count);
    for (size_t i = 0; i < size; i++) std::swap(late[i], parameters[i].mutable_grad());
    all.insert(all.end(), sent.begin(), sent.end());
    for (const at::Tensor &piece : late) all.push_back(piece.defined());
    int64_t length = static_cast<int64_t>(all.size());
    start_sum(group, at::from_blob(all.data(), {length}, at::kDouble))->wait();
    std::copy(all.begin(), all.begin() + count, numbers);
    const double *had = all.data() + count, *lately = had + size;
    for (Bucket &bucket : parts) {
      bucket.work->wait();
      bool is_given = bucket.owner < 0 || bucket.owner == group->rank;
      for_each_part(bucket, parameters, [&](size_t i, at::Tensor sum) {
        if (is_given && had[i] > 0) parameters[i].mutable_grad() = std::move(sum);
      });
      bucket.buffer.reset();
      bucket.work.reset();
    }
    for (size_t i = 0; i < size; i++) {
      holders[size - 1 - i] = had[i] + lately[i];
      if (lately[i] == 0) continue;
      at::Tensor piece = late[i].defined() ? late[i].contiguous() : at::zeros_like(parameters[i]);
      start_sum(group, piece, owners[i])->wait();
      if (owners[i] >= 0 && owners[i] != group->rank) continue;
      at::Tensor &gradient = parameters[i].mutable_grad();
      gradient = gradient.defined() ? gradient.add_(piece) : piece;
    }
    for (size_t i = 0; i < size; i++) expected[i] = std::max(expected[i], additions[i]);
    knows = true;
    group->is_busy = false;
    begin();
  }
};

namespace {

struct Added : torch::autograd::PostAccumulateGradHook {
  Added(ct_reduction reduction, size_t index) : reduction(reduction), index(index) {}
  void operator()(const at::Tensor &) override { reduction->added(index); }

  ct_reduction reduction;
  size_t index;
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

void ct_group_close(ct_group group) {
  // What goes wrong at the end is of no use to anyone.
  guarded([&] {
    if (group->gpus && group->is_busy) group->gpus->abort();
    else if (group->gpus) group->gpus->shutdown();
  });
  delete group;
}

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

int ct_group_share(ct_group group, const ct_tensor *tensors, const int *owners, int count) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    std::vector<at::Tensor> values = list(tensors, count);
    std::vector<Bucket> parts = buckets(values, {owners, owners + count});
    // So many are under way at once.
    constexpr size_t most = 4;
    group->is_busy = true;
    auto receive = [&](Bucket &bucket) {
      bucket.work->wait();
      if (bucket.owner != group->rank)
        for_each_part(bucket, values, [&](size_t i, const at::Tensor &part) { values[i].copy_(part); });
      bucket.buffer.reset();
    };
    for (size_t part = 0; part < parts.size(); part++) {
      Bucket &bucket = parts[part];
      std::vector<at::Tensor> flat;
      int64_t elements = 0;
      for (size_t i = bucket.first; i < bucket.first + bucket.count; i++) {
        elements += values[i].numel();
        if (bucket.owner == group->rank) flat.push_back(values[i].reshape({-1}));
      }
      bucket.buffer = flat.empty() ? at::empty({elements}, values[bucket.first].options())
                                   : at::cat(flat);
      bucket.work = start_share(group, bucket.buffer, bucket.owner);
      if (part >= most) receive(parts[part - most]);
    }
    for (size_t part = parts.size() > most ? parts.size() - most : 0; part < parts.size(); part++)
      receive(parts[part]);
    group->is_busy = false;
  });
}

int ct_group_send(ct_group group, ct_tensor tensor, int to) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{tensor->value.detach().contiguous()};
    // Sums are given their patience, these take it here.
    group->processes->send(tensors, to, 0)->wait(group->timeout);
  });
}

int ct_group_receive(ct_group group, ct_tensor tensor, int from) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{tensor->value};
    group->processes->recv(tensors, from, 0)->wait(group->timeout);
  });
}

int ct_reduction_open(ct_group group, const ct_tensor *parameters, const int *owners, int count,
                      ct_reduction *out) {
  return guarded([&] {
    auto reduction = std::make_unique<ct_reduction_s>();
    reduction->group = group;
    for (int i = count - 1; i >= 0; i--) {
      reduction->parameters.push_back(parameters[i]->value);
      reduction->owners.push_back(owners ? owners[i] : -1);
    }
    size_t size = reduction->parameters.size();
    // GPUs that do not meet are told of before the first step.
    if (size > 0) backend(group, reduction->parameters[0]);
    reduction->parts = buckets(reduction->parameters, reduction->owners);
    reduction->part_of.resize(size);
    for (size_t part = 0; part < reduction->parts.size(); part++)
      for (size_t i = 0; i < reduction->parts[part].count; i++)
        reduction->part_of[reduction->parts[part].first + i] = part;
    reduction->additions.resize(size);
    reduction->expected.resize(size);
    reduction->sent.resize(size);
    reduction->missing.resize(reduction->parts.size());
    reduction->begin();
    for (size_t i = 0; i < size; i++)
      torch::autograd::impl::set_post_acc_grad_hooks(
          reduction->parameters[i], std::make_unique<Added>(reduction.get(), i));
    *out = reduction.release();
  });
}

void ct_reduction_close(ct_reduction reduction) {
  for (const at::Tensor &parameter : reduction->parameters)
    torch::autograd::impl::set_post_acc_grad_hooks(parameter, nullptr);
  delete reduction;
}

int ct_reduction_finish(ct_reduction reduction, double *numbers, int count, double *holders) {
  return guarded([&] { reduction->finish(numbers, count, holders); });
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
int ct_group_share(ct_group, const ct_tensor *, const int *, int) { return unavailable(); }
int ct_group_send(ct_group, ct_tensor, int) { return unavailable(); }
int ct_group_receive(ct_group, ct_tensor, int) { return unavailable(); }
int ct_reduction_open(ct_group, const ct_tensor *, const int *, int, ct_reduction *) {
  return unavailable();
}
void ct_reduction_close(ct_reduction) {}
int ct_reduction_finish(ct_reduction, double *, int, double *) { return unavailable(); }

#endif
