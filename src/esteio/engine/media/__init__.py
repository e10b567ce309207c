"""Media in both directions: staging what callers name, fetching what came in without bytes, links, file names."""
