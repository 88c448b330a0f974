// Declared here because LibTorch carries Gloo without its headers: as much as c10d's header reads.
#pragma once
