"""Running a plan: copies, programs, their records, and resuming."""
