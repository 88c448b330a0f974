// What it defines is declared by CTorch.h.
