// What the machine gives this process.
#pragma once

#include <cstdint>

namespace ct {

// Cores that this process may keep busy: those of its affinity, or fewer where a control group gives
// it less time than that (a share of a core counts as one).
int64_t machine_threads();

// Asks the system to let this thread run in short turns: it has no more of its core than before, but
// waits for less long at a time. Linux does so from 6.12; nothing happens elsewhere.
void take_short_turns();

}  // namespace ct
