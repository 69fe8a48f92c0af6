"""Why a test fails in an environment, and what helps: knowledge as data, matching, choosing among remedies. Pure."""
