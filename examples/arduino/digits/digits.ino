// digits.ino: predict and learn on an Arduino board.
//
//     metabit export digits.mbit --to c --core -o libraries/
//     (copy digits.h and digits.c beside this sketch, and the folder metabit/ into Arduino/libraries)
//
// Send a line over the serial port: 64 numbers from 0 to 16, and, to teach, a label after them.
#include "digits.h"

static uint64_t arena[DIGITS_ARENA_BYTES_LEARN / 8];
static uint8_t sample[DIGITS_N_INPUTS];
static mb_model *model;

void setup() {
    Serial.begin(115200);
    mb_options options = MB_OPTIONS_LEARN; // what is best for this file and this arena
    int error = mb_open(&model, arena, sizeof arena, digits_model, sizeof digits_model, &options);
    if (error != MB_OK) {
        model = NULL;
        Serial.println(mb_error_text(error));
    }
}

void loop() {
    if (model == NULL || !Serial.available()) {
        return;
    }
    for (size_t i = 0; i < sizeof sample; i++) {
        sample[i] = (uint8_t)Serial.parseInt();
    }
    int32_t label = -1;
    mb_predict(model, sample, 1, &label, NULL);
    Serial.println(label);
    if (Serial.peek() != '\n') { // a label follows: learn it
        int32_t truth = (int32_t)Serial.parseInt();
        if (mb_learn(model, sample, &truth, 1, NULL) != MB_OK) {
            Serial.println("no such class");
        }
    }
    Serial.read(); // the end of the line
}
