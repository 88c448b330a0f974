// AssayReward: see the layer table in the README.
