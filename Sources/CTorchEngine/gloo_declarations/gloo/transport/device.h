// Declared here because LibTorch carries Gloo without its headers: as much as c10d's header reads.
#pragma once

namespace gloo::transport {
class Device;
class UnboundBuffer;
}  // namespace gloo::transport
