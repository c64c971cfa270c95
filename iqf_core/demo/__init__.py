"""The demonstration: a small, complete, real study, as files a newcomer can change."""
