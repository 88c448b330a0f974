"""Reads TensorBoard event files as TensorBoard does and prints their scalars.

The input is what AssayTrain's event file tests leave in a folder:

    ASSAY_KEEP_EVENTS=events swift test -c release --filter RunEventFileTests
    python Scripts/check_event_file.py events
"""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# Steps 1 to 5, interrupted, resumed at 4: TensorBoard must forget the first 4 and 5.
EXPECTED = {
    "train/loss": [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 40.0), (5, 50.0), (6, 60.0)],
    "rate": [(1, 1e-5), (2, 1e-5), (3, 1e-5)],
}

events = EventAccumulator(sys.argv[1]).Reload()
actual = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
print(actual)
assert actual.keys() == EXPECTED.keys(), actual.keys()
for tag, values in EXPECTED.items():
    assert [step for step, _ in actual[tag]] == [step for step, _ in values], tag
    for (_, a), (_, b) in zip(actual[tag], values):
        assert abs(a - b) <= 1e-6 * abs(b), (tag, a, b)
print("ok")
