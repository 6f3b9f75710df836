"""Several grouping factors, crossed or nested: the blocked engine."""
