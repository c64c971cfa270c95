"""Where jobs run: the executors of the core, their workers, and the supervision of programs."""
