// AssayModel: see the layer table in the README.
