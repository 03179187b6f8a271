int mb_x(void); int mb_x(void) { return 0; }
