// What the machine gives this process.
#pragma once

#include <cstdint>

namespace ct {

// Cores that this process may keep busy: those of its affinity, or fewer where a control group gives
// it less time than that (a share of a core counts as one).
int64_t machine_threads();

}  // namespace ct
