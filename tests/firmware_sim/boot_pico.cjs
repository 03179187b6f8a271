// Boots a UF2 image on rp2040js as the RP2040's boot ROM does, and prints what it says.
// Usage: node boot_pico.cjs FOLDER-OF-RP2040JS IMAGE.uf2
const { readFileSync } = require("node:fs");
const { RP2040 } = require(process.argv[2]);

const FLASH = 0x10000000;
const BOOT_AT = 0x20041f00; // the boot ROM copies the first 256 bytes of the flash here, and jumps
const SECONDS = 60;

const image = readFileSync(process.argv[3]);
const chip = new RP2040();
for (let at = 0; at < image.length; at += 512) {
  const n = image.readUInt32LE(at + 16);
  chip.flash.set(image.subarray(at + 32, at + 32 + n), image.readUInt32LE(at + 12) - FLASH);
}
let said = "";
chip.uart[0].onByte = (byte) => {
  said += String.fromCharCode(byte);
};
for (let i = 0; i < 256; i++) {
  chip.writeUint8(BOOT_AT + i, chip.flash[i]);
}
chip.core.PC = BOOT_AT;
const until = Date.now() + 1000 * SECONDS;
while (!said.endsWith("ready\r\n") && Date.now() < until) {
  for (let i = 0; i < 10000; i++) {
    chip.core.executeInstruction();
  }
}
process.stdout.write(said);
