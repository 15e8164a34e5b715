// Block motion between two pictures of cells, for the fast CPU twin.
#pragma once

#include <vector>

#include "fastthumb/signals.hpp"

namespace fastthumb {

// Appends one BlockMotion per block, as Note [block motion] in signals.hpp says.
void find_block_motion(const Reduction& reduction, const WorkingPicture& before,
                       const WorkingPicture& now, std::vector<BlockMotion>& blocks);

}  // namespace fastthumb
