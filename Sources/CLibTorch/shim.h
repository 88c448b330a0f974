// Only names the module: the C++ headers of LibTorch are included by CTorchEngine itself.
