"""The only code that knows xdist and execnet: sessions, workers, schedulers, the run on the host."""
