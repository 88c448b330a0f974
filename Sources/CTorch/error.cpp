#include "CTorch.h"
const char *ct_last_error(void) { return ""; }
