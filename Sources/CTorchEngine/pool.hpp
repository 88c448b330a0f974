// The threads that compute: one pool for kernels of ours and for LibTorch's parallel regions.
//
// Work is cut into more tasks than there are threads, and whoever is free takes the next one, the
// caller among them: a thread that the system does not run holds back only the task that it has
// begun. Who waits spins for some microseconds and then gives its core up.
#pragma once

#include <cstdint>

namespace ct {

// Runs task(context, index) once for every index below `count` and returns when all are done. Tasks
// must not throw nor wait for each other; what a task itself runs here is run by its thread alone.
// On a busy machine nobody is woken for a short job.
void run_tasks(int64_t count, void (*task)(void *, int64_t), void *context, bool is_short = false);

// Whether a thread of ours had to wait for its core just now, so that small tasks are better than
// large ones.
bool is_machine_busy();

// Whether this thread is in a task.
bool in_task();

// How many threads compute at once for one caller, itself among them: as many as there are cores
// for this process, unless set.
int64_t thread_count();
void set_thread_count(int64_t count);

}  // namespace ct
