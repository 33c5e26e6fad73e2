"""Who may hold the memory of this machine: the engine, trainings and scorings are processes that share it."""
