# Arrivals, checkpoints, fence
