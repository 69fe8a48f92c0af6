"""One test in an environment of its own."""

MARKER = "envguard"
ENVIRONMENT = "envguard_environment"
FIXTURES = ("readonly_root", "noexec_tmp", "no_network", "no_shm")  # each asks for the profile of its name
