// AssayText: see the layer table in the README.
