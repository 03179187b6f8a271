/* What the programs share that cut a commit: files in memory, and a hash of what was learnt.
 * Include it after metabit.h and the standard headers; the program defines expect(). */
#ifndef MB_STATE_RIG_H
#define MB_STATE_RIG_H

static void expect(int holds, const char *what);

static void *read_file(const char *path, size_t *bytes) {
    FILE *stream = fopen(path, "rb");
    expect(stream != NULL && fseek(stream, 0, SEEK_END) == 0, path);
    *bytes = (size_t)ftell(stream);
    void *memory = malloc(*bytes);
    rewind(stream);
    expect(memory != NULL && fread(memory, 1, *bytes, stream) == *bytes, path);
    fclose(stream);
    return memory;
}

/* FNV-1a over a state image. */
static int hash_more(void *context, size_t offset, const void *data, size_t bytes) {
    uint64_t *hash = (uint64_t *)context;
    (void)offset;
    for (size_t i = 0; i < bytes; i++) {
        *hash = (*hash ^ ((const uint8_t *)data)[i]) * 1099511628211u;
    }
    return 0;
}

static uint64_t hash_of(const mb_model *model) {
    uint64_t hash = 14695981039346656037u;
    expect(mb_state_save(model, hash_more, &hash) == MB_OK, "a state can be hashed");
    return hash;
}

#endif
