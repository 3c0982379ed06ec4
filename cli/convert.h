// Conversions between float32 and the 16-bit storage types, rounding to nearest even.
#ifndef ATTUNE_CLI_CONVERT_H
#define ATTUNE_CLI_CONVERT_H

#include <cstdint>

namespace tool {

uint16_t f16_from_f32(float value);
uint16_t bf16_from_f32(float value);
float f32_from_f16(uint16_t bits);
float f32_from_bf16(uint16_t bits);

}  // namespace tool
#endif
