// AssayTrain: see the layer table in the README.
