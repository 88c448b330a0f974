// Shared by the tests of every layer.
