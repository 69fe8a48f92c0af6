"""What a test may take of time and memory: measured, judged against its noise, and told with the figures."""
