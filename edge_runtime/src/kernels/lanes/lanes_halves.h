/* lanes_halves.h: a number of 16 bits for each of VEC_BYTES rows; part of lanes.h. */
#ifndef MB_KERNELS_LANES_HALVES_H
#define MB_KERNELS_LANES_HALVES_H

/* Rows of even and of odd number, signed 16-bit lanes. */
typedef struct v_halves {
    vec even, odd;
} v_halves;

MB_INLINE v_halves v_halves_of(const int32_t numbers[VEC_BYTES]) {
    int16_t even[VEC_BYTES / 2u], odd[VEC_BYTES / 2u];
    for (uint32_t i = 0; i < VEC_BYTES / 2u; i++) {
        even[i] = (int16_t)numbers[2u * i];
        odd[i] = (int16_t)numbers[2u * i + 1u];
    }
    v_halves halves = {v_load(even), v_load(odd)};
    return halves;
}

MB_INLINE v_halves v_halves_most(void) {
    static const uint32_t largest = 0x7fff7fffu;
    v_halves halves = {v_set32(&largest), v_set32(&largest)};
    return halves;
}

MB_INLINE v_halves v_halves_min(v_halves a, v_halves b) {
    v_halves smaller = {v_min16(a.even, b.even), v_min16(a.odd, b.odd)};
    return smaller;
}

/* One bit per row: a <= b. */
MB_INLINE uint64_t v_halves_within(v_halves a, v_halves b) {
    return v_at_least16(b.even, a.even, b.odd, a.odd);
}

#endif /* MB_KERNELS_LANES_HALVES_H */
